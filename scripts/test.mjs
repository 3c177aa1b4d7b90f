// `npm test`: sets up what is missing, then runs the tests in Rust and those in TypeScript.
// Options: `--rust` or `--ts` runs one of them; other arguments go to `cargo test` or Vitest then.
// The last line is `N passed, N failed`, of both together.

import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cargoCounts, vitestCounts } from "./lib/counts.mjs";
import { root } from "./lib/root.mjs";
import { run } from "./lib/run.mjs";
import { setupOrExit, toolPath } from "./setup.mjs";

const [first, ...rest] = process.argv.slice(2);
const only = first === "--rust" || first === "--ts" ? first : undefined;
if (first !== undefined && only === undefined) {
  console.error("test: name the tests first: npm test -- --rust … or npm test -- --ts …");
  process.exit(1);
}
await setupOrExit({ examples: true });

let passed = 0;
let failed = 0;
if (only !== "--ts") count("Rust", await rustTests());
if (only !== "--rust") count("TypeScript", await typescriptTests());
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

async function rustTests() {
  const args = ["test", "--workspace", "--no-fail-fast", ...rest];
  const { code, stdout } = await run("cargo", args, { capture: true });
  return cargoCounts(stdout, code);
}

async function typescriptTests() {
  const report = join(root, ".cache/vitest.json");
  rmSync(report, { force: true });
  const { code } = await run(process.execPath, [
    ...[toolPath("vitest", "vitest"), "run", "--reporter=default"],
    ...["--reporter=json", `--outputFile.json=${report}`, ...rest],
  ]);
  return vitestCounts(existsSync(report) ? readFileSync(report, "utf8") : undefined, code);
}

/**
 * @param {string} language
 * @param {import("./lib/counts.mjs").Counts} counts
 */
function count(language, counts) {
  console.log(`${language} tests: ${counts.passed} passed, ${counts.failed} failed\n`);
  passed += counts.passed;
  failed += counts.failed;
}
