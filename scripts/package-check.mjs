// `npm run check:package`: packs the package and this platform's addon as a release would, installs
// both in an empty folder where no Rust is found, and uses them there: import, require, Jest,
// bundlers, types, and the examples of README.md as processes of their own. publint and attw have a
// look as well.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { examplesIn } from "./lib/examples.mjs";
import { runNpm } from "./lib/npm.mjs";
import { packAddon, packRoot } from "./lib/pack.mjs";
import { bundlerNames, checkBundler } from "./lib/package-bundles.mjs";
import { compileExamples, runExamples } from "./lib/package-examples.mjs";
import { checkJest } from "./lib/package-jest.mjs";
import { SAME } from "./lib/package-programs.mjs";
import { root } from "./lib/root.mjs";
import { run } from "./lib/run.mjs";
import { toolScript } from "./lib/tools.mjs";
import { withoutRust } from "./lib/without-rust.mjs";
import { setupOrExit } from "./setup.mjs";

await setupOrExit();

const examples = examplesIn(readFileSync(join(root, "README.md"), "utf8"));
const folder = mkdtempSync(join(tmpdir(), "netsvc-package-"));
const user = join(folder, "user");
const env = withoutRust(process.env);
let passing = true;
/** Of the package itself, as soon as it is packed. */
let tarball = "";
try {
  await check("pack and install without Rust", install);
  await check("import and require give the same", importAndRequire);
  await check("Jest requires it", () => checkJest(process.execPath, user, env));
  await check("publint is content", () => lint("publint", ["run", tarball, "--strict"]));
  await check("attw is content", () => lint("@arethetypeswrong/cli", [tarball], "attw"));
  for (const name of bundlerNames)
    await check(`an application bundled by ${name}`, () => checkBundler(user, name, env));
  await check("types and examples compile for a user", () => compileExamples(user, examples, env));
  await check("the examples of README.md print what it says", () =>
    runExamples(user, examples, env),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(passing ? 0 : 1);

/**
 * Each check needs what those before it have made: after a failure nothing more is done.
 * @param {string} title
 * @param {() => Promise<void>} work throws an `Error` that says what is wrong
 */
async function check(title, work) {
  if (!passing) return;
  try {
    await work();
    console.log(`package: ok: ${title}`);
  } catch (error) {
    passing = false;
    console.error(`package: FAILED: ${title}\n${error instanceof Error ? error.message : error}`);
  }
}

async function install() {
  const addon = await packAddon(folder);
  tarball = await packRoot(folder, [addon]);
  mkdirSync(user);
  write("package.json", JSON.stringify({ name: "user", private: true, type: "module" }));
  // Without optional packages: the addon is named itself.
  const args = ["install", "--ignore-scripts", "--omit=optional", "--no-package-lock"];
  const result = await runNpm([...args, tarball, addon.tarball], { cwd: user, env, quiet: true });
  expect(result.code === 0, result.stdout + result.stderr);
}

async function importAndRequire() {
  write("same.cjs", SAME);
  const options = { cwd: user, env, quiet: true };
  const result = await run(process.execPath, ["same.cjs"], options);
  expect(result.code === 0 && result.stdout === "same\n", result.stdout + result.stderr);
}

/**
 * @param {string} name of the tool's package
 * @param {string[]} args
 * @param {string} [program]
 */
async function lint(name, args, program = name) {
  const script = await toolScript(name, program);
  const result = await run(process.execPath, [script, ...args], { quiet: true });
  expect(result.code === 0, result.stdout + result.stderr);
}

/**
 * @param {string} name
 * @param {string} content
 */
function write(name, content) {
  writeFileSync(join(user, name), content);
}

/**
 * @param {boolean} condition
 * @param {string} message
 */
function expect(condition, message) {
  if (!condition) throw new Error(message);
}
