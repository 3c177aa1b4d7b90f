// `npm run lint`: every check that needs no run of the product. Warnings are errors.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./lib/root.mjs";
import { run } from "./lib/run.mjs";
import { setupOrExit, tool } from "./setup.mjs";

await setupOrExit();

/** @type {ReadonlyArray<[name: string, check: () => Promise<number> | number]>} */
const checks = [
  ["cargo fmt", () => cargo("fmt", "--all", "--check")],
  ["cargo clippy", () => cargo("clippy", "--workspace", "--all-targets", "--", "-D", "warnings")],
  ["biome", () => tool("@biomejs/biome", "biome", ["check", "--error-on-warnings"])],
  ["tsc", () => tool("typescript", "tsc", ["--noEmit"])],
  ["tsc (what is published)", () => tsc("tsconfig.build.json")],
  [
    "tsc (examples)",
    () => (existsSync(join(root, "examples")) ? tsc("tsconfig.examples.json") : 0),
  ],
  ["lock file", lockFile],
];

const failures = [];
for (const [name, check] of checks) {
  console.log(`lint: ${name}`);
  if ((await check()) !== 0) failures.push(name);
}
if (failures.length > 0) console.error(`lint: failed: ${failures.join(", ")}`);
process.exit(failures.length === 0 ? 0 : 1);

/** @param {string[]} args */
async function cargo(...args) {
  return (await run("cargo", args)).code;
}

/** @param {string} project */
function tsc(project) {
  return tool("typescript", "tsc", ["--noEmit", "--project", project]);
}

/** The lock file must leave open where packages come from; see .npmrc. */
function lockFile() {
  if (!readFileSync(join(root, "package-lock.json"), "utf8").includes('"resolved"')) return 0;
  console.error('package-lock.json names where packages come from; run "npm run lock"');
  return 1;
}
