// How users install a package by its name: npm, pnpm and yarn, each in an empty folder.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fetched } from "./fetched.mjs";
import { runNpm } from "./npm.mjs";
import { run } from "./run.mjs";
import { toolScript } from "./tools.mjs";

/** @typedef {import("./local-registry.mjs").LocalRegistry} LocalRegistry */

/** @type {Readonly<Record<string, (project: string, registry: LocalRegistry) => Promise<void>>>} */
export const installers = {
  npm: (project, registry) => installByNpm(project, registry, []),
  pnpm: installByPnpm,
  yarn: installByYarn,
};

/**
 * @param {string} project
 * @param {LocalRegistry} registry
 * @param {readonly string[]} options
 */
export async function installByNpm(project, { env }, options) {
  prepare(project);
  const args = ["install", "--ignore-scripts", "--loglevel=error", ...options, "netsvc"];
  succeed(await runNpm(args, { cwd: project, env, quiet: true }));
}

/**
 * @param {string} project
 * @param {LocalRegistry} registry
 */
async function installByPnpm(project, { env }) {
  prepare(project);
  // What was published today is otherwise thought too young.
  writeFileSync(join(project, "pnpm-workspace.yaml"), "minimumReleaseAge: 0\n");
  const pnpm = join(await fetched("@pnpm/exe.linux-x64", "12"), "pnpm");
  const args = ["add", "--ignore-scripts", "--store-dir", join(project, "..", "pnpm-store")];
  succeed(await run(pnpm, [...args, "netsvc"], { cwd: project, env, quiet: true }));
}

/**
 * @param {string} project
 * @param {LocalRegistry} registry
 */
async function installByYarn(project, { env, url }) {
  prepare(project);
  const settings = {
    npmRegistryServer: url,
    unsafeHttpWhitelist: ["127.0.0.1"],
    nodeLinker: "node-modules",
    npmMinimalAgeGate: 0,
    enableGlobalCache: false,
    enableScripts: false,
    enableTelemetry: false,
    enableImmutableInstalls: false,
  };
  writeFileSync(join(project, ".yarnrc.yml"), JSON.stringify(settings));
  // Yarn looks for the project in the folders above unless there is a lock file.
  writeFileSync(join(project, "yarn.lock"), "");
  const yarn = await toolScript("@yarnpkg/cli-dist", "yarn", "tools/registry");
  succeed(await run(process.execPath, [yarn, "add", "netsvc"], { cwd: project, env, quiet: true }));
}

/** @param {string} project */
function prepare(project) {
  mkdirSync(project, { recursive: true });
  const manifest = { name: "user", version: "1.0.0", private: true, type: "module" };
  writeFileSync(join(project, "package.json"), JSON.stringify(manifest));
}

/** @param {{ code: number, stdout: string, stderr: string }} result */
function succeed({ code, stdout, stderr }) {
  if (code !== 0) throw new Error(stdout + stderr);
}
