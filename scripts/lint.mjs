// `npm run lint`: every check that needs no run of the product. Warnings are errors.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { workflowFaults } from "./lib/actionlint.mjs";
import { installDebian } from "./lib/debian.mjs";
import { lintExamples } from "./lib/lint-examples.mjs";
import { longComments, MOST_COLUMNS } from "./lib/long-comments.mjs";
import { root } from "./lib/root.mjs";
import { run } from "./lib/run.mjs";
import { zizmor } from "./lib/zizmor.mjs";
import { setupOrExit, tool } from "./setup.mjs";

await setupOrExit();

const relay = ["--manifest-path", "bench/relay/Cargo.toml"];

/** @type {ReadonlyArray<[name: string, check: () => Promise<number> | number]>} */
const checks = [
  ["cargo fmt", () => cargo("fmt", "--all", "--check")],
  ["cargo clippy", () => cargo("clippy", "--workspace", "--all-targets", "--", "-D", "warnings")],
  ["cargo fmt (bench/relay)", () => cargo("fmt", "--check", ...relay)],
  ["cargo clippy (bench/relay)", relayClippy],
  ["biome", () => tool("@biomejs/biome", "biome", ["check", "--error-on-warnings"])],
  ["tsc", () => tool("typescript", "tsc", ["--noEmit"])],
  ["tsc (what is published)", () => tsc("tsconfig.build.json")],
  [
    "tsc (examples)",
    () => (existsSync(join(root, "examples")) ? tsc("tsconfig.examples.json") : 0),
  ],
  ["examples in the docs", () => lintExamples()],
  ["comments", comments],
  ["lock files", lockFiles],
  ["workflows", workflows],
  ["zizmor", zizmor],
  ["shellcheck", shellcheck],
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

function relayClippy() {
  return cargo("clippy", ...relay, "--target-dir", ".cache/relay", "--", "-D", "warnings");
}

/** @param {string} project */
function tsc(project) {
  return tool("typescript", "tsc", ["--noEmit", "--project", project]);
}

/** Formatters break code, not comments. */
async function comments() {
  const files = (await sources()).filter((path) => /\.(?:rs|[cm]?[jt]s)$/.test(path));
  const places = files.flatMap((path) =>
    longComments(readFileSync(join(root, path), "utf8")).map((line) => `${path}:${line}`),
  );
  for (const place of places) console.error(`${place}: longer than ${MOST_COLUMNS} columns`);
  return places.length;
}

/** Lock files must leave open where packages come from; see .npmrc. */
function lockFiles() {
  const folders = ["", "scripts/tools/", "scripts/tools/registry/", "bench/"];
  const locks = folders.map((folder) => `${folder}package-lock.json`);
  const named = locks.filter((path) =>
    readFileSync(join(root, path), "utf8").includes('"resolved"'),
  );
  for (const path of named) console.error(`${path} names where packages come from; see .npmrc`);
  return named.length;
}

async function workflows() {
  const faults = await workflowFaults();
  for (const fault of faults) console.error(fault);
  return faults.length;
}

/**
 * All shell scripts, wherever they are; needs shellcheck, which Debian and GitHub's runners have.
 */
async function shellcheck() {
  if ((await run("shellcheck", ["--version"], { quiet: true })).code !== 0)
    await installDebian(["shellcheck"]);
  const scripts = (await sources()).filter((path) => path.endsWith(".sh") || path === ".ci/run");
  return (await run("shellcheck", scripts)).code;
}

/** What is in git or will be, as paths in the repository. */
async function sources() {
  const options = ["--cached", "--others", "--exclude-standard"];
  const { stdout } = await run("git", ["ls-files", ...options], { quiet: true });
  return stdout.split("\n").filter((path) => path !== "" && existsSync(join(root, path)));
}
