// `npm run bench`: netsvc beside what its users could use instead. See README.md.

import { join } from "node:path";
import { root } from "../scripts/lib/root.mjs";
import { setupOrExit } from "../scripts/setup.mjs";
import { describeMachine, machineLine } from "./lib/machine.mjs";
import { parseOptions, USAGE } from "./lib/options.mjs";
import { writeOutcome } from "./lib/output.mjs";
import { tableOf } from "./lib/report.mjs";
import { canPin, runSession } from "./lib/session.mjs";
import { installPeers } from "./lib/setup.mjs";
import { loadPeer, PEER_NAMES, SPECIAL_PEERS } from "./peers/index.mjs";
import { WORKLOADS } from "./workloads/index.mjs";

/** @typedef {import("./lib/types.js").Peer} Peer */
/** @typedef {import("./lib/types.js").Workload} Workload */
/** @typedef {import("./lib/report.mjs").Entry} Entry */

const options = optionsOrExit();
if (process.platform !== "linux") exit("CPU and memory are read from /proc, which only Linux has");
const workloads = chosenWorkloads();
const names = chosenPeers();

await setupOrExit();
await installPeers();
// A run takes long; whoever ends it must not leave servers behind.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));
const machine = describeMachine();
console.log(machineLine(machine));
const peers = await presentPeers();
if (workloads.some(({ pinned }) => pinned) && !(await canPin())) {
  exit("taskset (package util-linux) is needed to bind processes to a core");
}

/** @type {Array<{ workload: Workload, entries: Entry[] }>} */
const results = [];
for (const workload of workloads) {
  const entries = await measure(workload);
  if (entries.length === 0) continue;
  results.push({ workload, entries });
  console.log(`\n${tableOf(workload, entries).join("\n")}`);
}
const folder = options.out ?? join(root, ".cache/bench");
const { repeat, seconds } = options;
const outcome = { machine, peers: Object.fromEntries(peers.notes), repeat, seconds, results };
console.log(`\n${writeOutcome(folder, outcome).join("\n")}`);
const failed = results.some(({ entries }) => entries.some(({ failures }) => failures.length > 0));
process.exit(failed ? 1 : 0);

/**
 * All repetitions: A B C, A B C, so that what disturbs for a while disturbs everybody.
 * @param {Workload} workload
 */
async function measure(workload) {
  const entries = [...peers.present]
    .filter(([name, peer]) => takesPart(workload, name, peer))
    .flatMap(([peer]) => (workload.growth?.points ?? [0]).map((point) => entryOf(peer, point)));
  for (let repetition = 1; repetition <= options.repeat; repetition++) {
    for (const { peer: name, point, runs, failures } of entries) {
      const what = `${workload.id} ${repetition}/${options.repeat} ${name} ${point || ""}`;
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${what}`);
      try {
        const peer = /** @type {Peer} */ (peers.present.get(name));
        runs.push(await runSession(name, peer, workload, point, { seconds: options.seconds }));
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
      }
    }
  }
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  return entries;
}

/**
 * @param {string} peer
 * @param {number} point
 * @returns {Entry}
 */
function entryOf(peer, point) {
  return { peer, point, runs: [], failures: [] };
}

/**
 * @param {Workload} workload
 * @param {string} name
 * @param {Peer} peer
 */
function takesPart(workload, name, peer) {
  if (workload.peers !== undefined && !workload.peers.includes(name)) return false;
  if (workload.peers === undefined && SPECIAL_PEERS.includes(name)) return false;
  if (workload.scripted === true && peer.program !== undefined) return false;
  return workload.needs.every((role) => peer[role] !== undefined);
}

/** Who can take part, and a note on everybody. */
async function presentPeers() {
  /** @type {Map<string, Peer>} */
  const present = new Map();
  /** @type {Map<string, string>} */
  const notes = new Map();
  for (const name of names) {
    const peer = await loadPeer(name);
    const missing = await peer.missing();
    if (missing === undefined) present.set(name, peer);
    const words =
      missing === undefined ? [await peer.version(), ...peer.settings] : ["left out", missing];
    notes.set(name, words.join("; "));
    console.log(`${name}: ${notes.get(name)}`);
  }
  return { present, notes };
}

function optionsOrExit() {
  try {
    const parsed = parseOptions(process.argv.slice(2));
    if (!parsed.help) return parsed;
    console.log(USAGE);
    return process.exit(0);
  } catch (error) {
    return exit(error instanceof Error ? error.message : String(error));
  }
}

function chosenWorkloads() {
  const { only } = options;
  const ids = WORKLOADS.map(({ id }) => id);
  const unknown = only.find((id) => id !== "growth" && !ids.includes(id));
  if (unknown !== undefined) exit(`no question ${unknown}; there are ${ids.join(", ")} and growth`);
  if (only.length === 0) return WORKLOADS;
  return WORKLOADS.filter(
    ({ id, growth }) => only.includes(id) || (growth !== undefined && only.includes("growth")),
  );
}

function chosenPeers() {
  const unknown = options.peers.find((name) => !PEER_NAMES.includes(name));
  if (unknown !== undefined) exit(`no peer ${unknown}; there are ${PEER_NAMES.join(", ")}`);
  if (options.peers.length === 0) return PEER_NAMES;
  return PEER_NAMES.filter((name) => options.peers.includes(name));
}

/**
 * @param {string} message
 * @returns {never}
 */
function exit(message) {
  console.error(`bench: ${message}\n\n${USAGE}`);
  process.exit(2);
}
