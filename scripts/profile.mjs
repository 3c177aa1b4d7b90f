// `npm run profile -- [role…] [options]`: flame graphs of the processes of one workload of the
// benchmark, by perf. The addon is built once more for it, with names and frame pointers; what
// native/ holds stays as it is.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { runSession } from "../bench/lib/session.mjs";
import { loadPeer, PEER_NAMES } from "../bench/peers/index.mjs";
import { WORKLOADS } from "../bench/workloads/index.mjs";
import { flameGraph } from "./lib/flame-graph.mjs";
import { root } from "./lib/root.mjs";
import { run } from "./lib/run.mjs";
import { folded, hottest, readStacks } from "./lib/stacks.mjs";
import { setupOrExit } from "./setup.mjs";

/** @typedef {import("../bench/lib/types.js").Session} Session */
/** @typedef {import("../bench/lib/types.js").Workload} Workload */

const USAGE = `npm run profile -- [role…] [options]

  role              hub, publisher, subscriber, requester, responder; all of the workload if none
  --workload W3     a question of bench/README.md (W3; W2 for requester and responder)
  --peer netsvc     who is measured
  --seconds 5       how long
  --out FOLDER      where the drawings go (.cache/profile)`;

const DATA = join(root, ".cache/profile");

/** Samples in a second: not a round number, so as not to go along with timers. */
const FREQUENCY = 997;

/** Seconds until code is compiled and buffers have their size. */
const WARM_UP = 1;

/** Functions that are listed. */
const LISTED = 12;

/** V8 writes the names of what it compiles where perf looks for them. */
const NODE_OPTIONS = "--perf-basic-prof --interpreted-frames-native-stack";

const { roles, id, name, seconds, out } = argumentsOrExit();
const workload = /** @type {Workload} */ (WORKLOADS.find((known) => known.id === id));
await checkPerf();
await setupOrExit();
mkdirSync(DATA, { recursive: true });
mkdirSync(out, { recursive: true });
const options = [process.env.NODE_OPTIONS ?? "", NODE_OPTIONS];
if (name.startsWith("netsvc")) {
  process.env.NETSVC_PROFILED_ADDON = await buildAddon();
  options.push(`--require "${join(root, "scripts/lib/profiled-addon.cjs")}"`);
}
process.env.NODE_OPTIONS = options.join(" ").trim();

const peer = await loadPeer(name);
const missing = await peer.missing();
if (missing !== undefined) exit(`${name} cannot be measured: ${missing}`);
const data = join(DATA, "perf.data");
/** All that were started, whose names V8 has written down. @type {Set<number>} */
const pids = new Set();
/** Those that are observed, and what they are called. @type {Map<number, string>} */
const titles = new Map();
// V8 leaves logs where a process runs.
const folder = mkdtempSync(join(tmpdir(), "netsvc-profile-"));
process.chdir(folder);
process.on("exit", () => {
  for (const path of [data, folder, ...[...pids].map(mapOf)]) {
    rmSync(path, { recursive: true, force: true });
  }
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));
try {
  await runSession(name, peer, observed(workload), workload.growth?.points[0] ?? 0, { seconds });
  if (titles.size === 0) throw new Error(nothingObserved());
  await draw();
} catch (error) {
  exit(error instanceof Error ? error.message : String(error));
}

/**
 * The same workload, with perf at work while figures are taken.
 * @param {Workload} workload
 * @returns {Workload}
 */
function observed(workload) {
  return {
    ...workload,
    measure: (session, point) => {
      /** @type {Map<string, number[]>} */
      const started = new Map();
      /**
       * @param {string} role
       * @param {Promise<import("../bench/lib/types.js").Child>} starting
       */
      const note = async (role, starting) => {
        const child = await starting;
        pids.add(child.pid);
        started.set(role, [...(started.get(role) ?? []), child.pid]);
        return child;
      };
      /**
       * @template T
       * @param {() => Promise<T>} work
       */
      const recorded = async (work) => {
        await sleep(WARM_UP * 1000);
        for (const [role, same] of started) {
          if (roles.length > 0 && !roles.includes(role)) continue;
          same.forEach((pid, index) => {
            titles.set(pid, same.length > 1 ? `${role}-${index + 1}` : role);
          });
        }
        return titles.size > 0 ? record([...titles.keys()], work) : work();
      };
      /** @type {Session} */
      const watched = {
        ...session,
        hub: (limits) => note("hub", session.hub(limits)),
        start: (role, options) => note(role, session.start(role, options)),
        window: (counted, children) => recorded(() => session.window(counted, children)),
        during: (children, work) => recorded(() => session.during(children, work)),
      };
      return workload.measure(watched, point);
    },
  };
}

/**
 * @template T
 * @param {readonly number[]} pids
 * @param {() => Promise<T>} work
 */
async function record(pids, work) {
  const options = ["--quiet", "--freq", String(FREQUENCY), "-g", "--no-buildid-cache"];
  const perf = spawn("perf", ["record", ...options, "--pid", pids.join(","), "--output", data], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let errors = "";
  perf.stderr.setEncoding("utf8").on("data", (text) => {
    errors += text;
  });
  const ended = once(perf, "close");
  const result = await work();
  if (perf.exitCode === null) perf.kill("SIGINT");
  const [code, signal] = await ended;
  // perf ends itself by the signal it was sent, once everything is written.
  if (code !== 0 && signal !== "SIGINT") throw new Error(`perf record failed:\n${errors}`);
  return result;
}

async function draw() {
  const fields = ["--fields", "comm,pid,tid,ip,sym,dso", "--no-inline"];
  const { code, stdout, stderr } = await run("perf", ["script", "--input", data, ...fields], {
    quiet: true,
  });
  if (code !== 0) throw new Error(`perf script failed:\n${stderr}`);
  for (const [pid, stacks] of readStacks(stdout, root)) {
    const title = titles.get(pid);
    if (title === undefined) continue;
    const file = join(out, `${id}-${name}-${title}`);
    const what = `${id}, ${name}, ${title}: ${stacks.samples} samples at ${FREQUENCY} Hz`;
    writeFileSync(`${file}.svg`, flameGraph(stacks, `${what}; ^ and ~: code not optimised (yet)`));
    writeFileSync(`${file}.folded`, `${folded(stacks).join("\n")}\n`);
    console.log(`\n${what}\n${relative(root, file)}.svg`);
    for (const entry of hottest(stacks).slice(0, LISTED)) {
      const share = ((entry.samples / stacks.samples) * 100).toFixed(1);
      console.log(`${share.padStart(6)} %  ${entry.kind.padEnd(6)}  ${entry.name}`);
    }
  }
}

function nothingObserved() {
  return roles.length > 0
    ? `${id} has no ${roles.join(" and no ")}`
    : `${id} takes no figures over a time`;
}

/** Where V8 writes names, for every process that runs with NODE_OPTIONS. @param {number} pid */
function mapOf(pid) {
  return join("/tmp", `perf-${pid}.map`);
}

/** The addon as it is released, with names and frame pointers; resolves with its path. */
async function buildAddon() {
  const folder = join(root, "target/frame-pointers");
  const flags = `${process.env.RUSTFLAGS ?? ""} -C force-frame-pointers=yes`.trim();
  const options = ["--locked", "--package", "netsvc-node", "--profile", "profiling"];
  const { code } = await run("cargo", ["build", ...options, "--target-dir", folder], {
    env: { ...process.env, RUSTFLAGS: flags },
  });
  if (code !== 0) exit("the addon could not be built");
  const addon = join(DATA, "netsvc.node");
  copyFileSync(join(folder, "profiling/libnetsvc_node.so"), addon);
  return addon;
}

async function checkPerf() {
  if (process.platform !== "linux") exit("perf is only there on Linux");
  const { code, stderr } = await run("perf", ["--version"], { quiet: true });
  if (code === 0) return;
  exit(
    "perf is not there, or not for this kernel: install it (Debian: apt-get install linux-perf; " +
      `Ubuntu: linux-tools-generic; Fedora: perf)\n${stderr}`,
  );
}

function argumentsOrExit() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        workload: { type: "string" },
        peer: { type: "string", default: "netsvc" },
        seconds: { type: "string", default: "5" },
        out: { type: "string", default: DATA },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    const asks = positionals.some((role) => role === "requester" || role === "responder");
    const id = values.workload ?? (asks ? "W2" : "W3");
    const seconds = Number(values.seconds);
    if (!WORKLOADS.some((known) => known.id === id)) throw new Error(`no question ${id}`);
    if (!PEER_NAMES.includes(values.peer)) throw new Error(`no peer ${values.peer}`);
    if (!(seconds >= 0.5 && seconds <= 30)) throw new Error("--seconds must be 0.5 to 30");
    return { roles: positionals, id, name: values.peer, seconds, out: resolve(values.out) };
  } catch (error) {
    return exit(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
  }
}

/**
 * @param {string} text
 * @returns {never}
 */
function exit(text) {
  console.error(`profile: ${text}`);
  process.exit(1);
}
