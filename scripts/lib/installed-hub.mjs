// That an installed package brings its hub along in a state in which it can be run.

import { realpathSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { run } from "./run.mjs";
import { HUB } from "./targets.mjs";
import { WatchedProcess } from "./watched.mjs";

/** Longest time for a hub to listen, in milliseconds. */
const PATIENCE = 30_000;

/**
 * Throws unless netsvcd may be run in a project that was installed on this platform, `netsvc
 * doctor` finds it, and `netsvc hub` is netsvcd and not the hub within Node that it falls back on.
 * @param {string} project
 * @param {string} platform this one
 * @param {string} [program] Node
 */
export async function checkInstalledHub(project, platform, program = process.execPath) {
  const netsvc = realpathSync(join(project, "node_modules/netsvc"));
  const command = join(netsvc, "dist/cli/netsvc.js");
  const manifest = createRequire(command).resolve(`netsvc-${platform}/package.json`);
  const hub = join(dirname(manifest), HUB);
  const mode = statSync(hub).mode & 0o777;
  expect((mode & 0o111) === 0o111, `${hub} has the mode ${mode.toString(8)}`);
  const doctor = await run(program, [command, "doctor"], { cwd: project, quiet: true });
  const said = doctor.stdout + doctor.stderr;
  expect(doctor.code === 0 && /^netsvcd +\d\S* \(/m.test(said), said);
  await checkHub(program, command, project);
}

/**
 * @param {string} program
 * @param {string} command
 * @param {string} cwd
 */
async function checkHub(program, command, cwd) {
  const args = [command, "hub", "--listen", "127.0.0.1:0"];
  const hub = new WatchedProcess(args, { cwd, env: process.env, program });
  try {
    await hub.until(() => hub.stderr.includes(" listens on "), PATIENCE);
    const output = hub.stdout + hub.stderr;
    expect(/netsvcd \S+ listens on/.test(output), `netsvc hub does not listen: ${output}`);
    expect(!output.includes("running in Node"), `netsvc hub is not netsvcd: ${output}`);
  } finally {
    await hub.stop();
  }
  const { code, signal } = hub.ended ?? {};
  expect(code === 0, `netsvc hub ended with ${signal ?? code}: ${hub.stderr}`);
}

/**
 * @param {boolean} condition
 * @param {string} message
 */
function expect(condition, message) {
  if (!condition) throw new Error(message);
}
