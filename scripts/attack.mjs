// `npm run attack`: attacks a hub of netsvcd and one within a program in TypeScript, and fails if
// good clients are harmed (docs/attacks.md). The last line is `N passed, N failed`. Linux only.
//
//   --only NAME     this attack, may be repeated
//   --hub KIND      netsvcd or embedded; both unless given
//   --quick         what takes less than five minutes
//   --ci            some of each kind in less than five minutes, with times judged beside what good
//                   clients see in the same run without an attack
//   --list          what attacks there are
//
// The program that attacks (crates/netsvc-attack) leads a group of processes with all hubs and
// clients that it starts, so that none is left, however this ends.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "./lib/root.mjs";
import { run } from "./lib/run.mjs";
import { setupOrExit } from "./setup.mjs";

const HUBS = ["netsvcd", "embedded"];
const { only, hub, quick, ci, list } = options();
if (process.platform !== "linux") refuse("the figures are those of Linux's /proc");
if (!list) await setupOrExit();

const build = ["build", "--release", "--locked"];
const programs = ["--package", "netsvc-hub", "--package", "netsvc-attack", "--bins"];
if ((await run("cargo", [...build, ...programs])).code !== 0) refuse("the build failed");

const release = join(root, "target/release");
const sockets = mkdtempSync(join(tmpdir(), "netsvc-"));
process.on("exit", () => rmSync(sockets, { recursive: true, force: true }));
const suite = ["suite", "--node", process.execPath, "--programs", join(root, "scripts/attack")];
suite.push("--sockets", sockets);
if (hub !== "embedded") suite.push("--netsvcd", join(release, "netsvcd"));
if (hub !== "netsvcd") suite.push("--embedded");
if (quick) suite.push("--quick");
if (ci) suite.push("--ci");
for (const name of only) suite.push("--only", name);

const child = spawn(join(release, "attack"), list ? ["list"] : suite, {
  stdio: "inherit",
  detached: true,
});
child.on("error", (error) => refuse(error.message));
child.on("exit", (code, signal) => {
  endGroup();
  process.exit(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
});
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
  process.on(signal, endGroup);
}

function endGroup() {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  } catch {} // all have ended
}

function options() {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: "string", multiple: true, default: [] },
        hub: { type: "string" },
        quick: { type: "boolean", default: false },
        ci: { type: "boolean", default: false },
        list: { type: "boolean", default: false },
      },
    });
    if (values.hub !== undefined && !HUBS.includes(values.hub)) {
      refuse(`--hub is one of ${HUBS.join(", ")}`);
    }
    return values;
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

/**
 * @param {string} text
 * @returns {never}
 */
function refuse(text) {
  console.error(`attack: ${text}`);
  process.exit(2);
}
