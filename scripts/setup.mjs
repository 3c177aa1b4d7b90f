// Installs and builds what is missing or out of date, and nothing else:
//   node_modules/     by `npm ci`, when it does not hold what package-lock.json asks for
//   native/           the addon and its types, by `napi build`, when the Rust sources changed
//   dist/             the published JavaScript and types, by `rolldown` and `tsc`, when ts/ changed
//   .cache/examples/  the compiled examples (only with `examples: true`), when they changed
//
// Runs before anything is installed, so it uses Node alone.

import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bundle, ownVersion } from "./lib/bundle.mjs";
import { npm } from "./lib/npm.mjs";
import { root } from "./lib/root.mjs";
import { run } from "./lib/run.mjs";
import { isFresh, refresh } from "./lib/stamp.mjs";

/** @typedef {import("./lib/stamp.mjs").Step} Step */

/** What stops `setup`; its message is for the user and says what to do. */
export class SetupError extends Error {}

/**
 * Brings everything up to date; throws a `SetupError` when it cannot. Prints only what it does.
 * @param {{ examples?: boolean }} [options]
 */
export async function setup(options = {}) {
  checkNode();
  await installDependencies();
  await buildAddon();
  await buildDist();
  if (options.examples === true) await buildExamples();
}

/**
 * `setup` for a script: a `SetupError` becomes one line on stderr and exit code 1.
 * @param {{ examples?: boolean }} [options]
 */
export async function setupOrExit(options = {}) {
  try {
    await setup(options);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(`setup: ${error.message}`);
    process.exit(1);
  }
}

/**
 * Throws a `SetupError` unless dist/ and the compiled examples are up to date. For tests, which run
 * at the same time and so must not build what others use.
 */
export function checkExamples() {
  if (isFresh(DIST) && isFresh(EXAMPLES)) return;
  throw new SetupError(
    "the compiled examples are out of date: run the tests by `npm run test:ts`.",
  );
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new SetupError(`Node ${process.versions.node} is too old: install Node 20.19 or newer.`);
}

async function installDependencies() {
  if (dependenciesAreInstalled()) return;
  await timed("installing the npm dependencies (npm ci)", async () => {
    if ((await npm(["ci", "--loglevel=error"])) !== 0)
      throw new SetupError("`npm ci` failed; its output is above.");
  });
}

/**
 * Compares package-lock.json with the copy that npm leaves in node_modules when it has finished.
 * Optional packages may be missing there: most are for other platforms.
 */
function dependenciesAreInstalled() {
  const installedLock = join(root, "node_modules/.package-lock.json");
  if (!existsSync(installedLock)) return false;
  const wanted = lockedPackages(join(root, "package-lock.json"));
  const installed = lockedPackages(installedLock);
  return Object.entries(wanted).every(([path, entry]) => {
    const found = installed[path];
    if (found === undefined) return path === "" || entry.optional === true;
    return found.version === entry.version;
  });
}

/**
 * @param {string} path
 * @returns {Record<string, { version?: string, optional?: boolean }>}
 */
function lockedPackages(path) {
  return JSON.parse(readFileSync(path, "utf8")).packages;
}

async function buildAddon() {
  /** @type {Step} */
  const step = {
    name: "addon",
    inputs: ["crates", "Cargo.toml", "Cargo.lock", ".cargo/config.toml"],
    outputs: ["native/binding.d.cts", ...addonFiles()],
    salt: `${process.platform}-${process.arch} ${napiConfig()}`,
  };
  if (addonFiles().length > 0 && isFresh(step)) return;
  await checkRust();
  await timed(
    "building the native addon (cargo, release; the first time takes minutes)",
    async () => {
      const built = await refresh(step, async () => {
        const arguments_ = ["build", "--platform", "--release"];
        arguments_.push("--manifest-path", "crates/netsvc-node/Cargo.toml");
        arguments_.push("--output-dir", "native", "--no-js", "--dts", "binding.d.cts");
        return (await tool("@napi-rs/cli", "napi", arguments_)) === 0;
      });
      if (!built) throw new SetupError("building the addon failed; the output is above.");
    },
  );
}

/** The addon for whatever platform it was built, as paths in the repository. */
function addonFiles() {
  const folder = join(root, "native");
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".node"))
    .map((name) => `native/${name}`);
}

/** The part of package.json that the addon depends on. */
function napiConfig() {
  const { napi, version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return JSON.stringify({ napi, version });
}

async function checkRust() {
  const { code, stdout } = await run("cargo", ["--version"], { quiet: true });
  const [, major = "0", minor = "0"] = /^cargo (\d+)\.(\d+)/.exec(stdout) ?? [];
  if (code === 0 && (Number(major) > 1 || Number(minor) >= 88)) return;
  throw new SetupError(
    "the native addon must be built here, for which a Rust toolchain of version 1.88 or newer " +
      "is needed: install it with rustup, see https://rustup.rs.",
  );
}

/** @type {Step} */
const DIST = {
  name: "dist",
  inputs: [
    ...["ts", "tsconfig.json", "tsconfig.build.json", "scripts/lib/bundle.mjs"],
    ...["native/binding.d.cts", "node_modules/typescript/package.json"],
    "node_modules/rolldown/package.json",
  ],
  outputs: ["dist/index.js", "dist/index.mjs", "dist/index.d.ts"],
  salt: ownVersion(),
};

async function buildDist() {
  const work = async () => (await compile("tsconfig.build.json")) && (await bundle());
  await make(DIST, "dist", "compiling ts/ to dist/", work);
}

/** @type {Step} */
const EXAMPLES = {
  name: "examples",
  inputs: ["examples", "tsconfig.json", "tsconfig.examples.json", "dist"],
  outputs: [".cache/examples"],
};

async function buildExamples() {
  const work = () => compile("tsconfig.examples.json");
  await make(EXAMPLES, ".cache/examples", "compiling examples/", work);
}

/**
 * @param {Step} step
 * @param {string} output emptied first, so that no output of a deleted source stays
 * @param {string} title
 * @param {() => Promise<boolean>} work
 */
async function make(step, output, title, work) {
  if (isFresh(step)) return;
  await timed(title, async () => {
    const made = await refresh(step, async () => {
      rmSync(join(root, output), { recursive: true, force: true });
      return work();
    });
    if (!made) throw new SetupError(`${title} failed; the output is above.`);
  });
}

/** @param {string} project */
async function compile(project) {
  return (await tool("typescript", "tsc", ["--project", project])) === 0;
}

/**
 * Runs a program of an installed package; resolves with its exit code.
 * @param {string} packageName
 * @param {string} program
 * @param {readonly string[]} args
 */
export async function tool(packageName, program, args) {
  return (await run(process.execPath, [toolPath(packageName, program), ...args])).code;
}

/**
 * The script of a program of an installed package. (node_modules/.bin holds shell scripts on
 * Windows, which Node does not start directly.)
 * @param {string} packageName
 * @param {string} program
 * @returns {string}
 */
export function toolPath(packageName, program) {
  const folder = join(root, "node_modules", packageName);
  const { bin } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return join(folder, typeof bin === "string" ? bin : bin[program]);
}

/**
 * @param {string} title
 * @param {() => Promise<void>} work
 */
async function timed(title, work) {
  console.error(`setup: ${title} …`);
  const start = performance.now();
  await work();
  console.error(`setup: done in ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await setupOrExit();
}
