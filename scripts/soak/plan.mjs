import { seeded } from "./random.mjs";

/**
 * What is done to the network or a process, and when: `at` and `until` in seconds from the start.
 * All of it is over at the end of the plan.
 *
 * @typedef {{ at: number, until: number } & (
 *   | { kind: "latency", client: number, seconds: number }
 *   | { kind: "slices", client: number }
 *   | { kind: "cut", client: number, bytes: number }
 *   | { kind: "half-open", client: number, direction: "in" | "out" }
 *   | { kind: "black-hole", client: number }
 *   | { kind: "stop", client: number }
 *   | { kind: "kill", client: number }
 *   | { kind: "stop-hub" }
 *   | { kind: "restart-hub", signal: "SIGKILL" | "SIGTERM" }
 * )} Fault
 */

/** Faults follow each other this closely; several are there at a time. */
const EVERY = { low: 0.2, high: 0.9 };
/** The network is worse more often than processes are. */
const KINDS = /** @type {const} */ ([
  "latency",
  "latency",
  "slices",
  "cut",
  "cut",
  "half-open",
  "black-hole",
  "stop",
  "kill",
  "stop-hub",
  "restart-hub",
]);
/** How long they last. */
const LASTS = { low: 0.2, high: 2 };

/**
 * @param {{ seed: number, seconds: number, clients: number }} options
 * @returns {Fault[]}
 */
export function planOf({ seed, seconds, clients }) {
  const random = seeded(seed);
  /** @type {Fault[]} */
  const plan = [];
  let hubFreeAt = 0;
  const freeAt = new Array(clients).fill(0);
  for (let at = 1; at < seconds; at += random.between(EVERY.low, EVERY.high)) {
    const span = { at, until: Math.min(at + random.between(LASTS.low, LASTS.high), seconds) };
    const client = random.integer(clients);
    const kind = random.pick(KINDS);
    const ofHub = kind === "stop-hub" || kind === "restart-hub";
    // One fault at a time for each process: a stopped one cannot be restarted.
    if (at < (ofHub ? hubFreeAt : freeAt[client])) continue;
    if (ofHub) hubFreeAt = span.until;
    else freeAt[client] = span.until;
    plan.push(fault(kind, span, client, random));
  }
  return plan;
}

/**
 * @param {Fault["kind"]} kind
 * @param {{ at: number, until: number }} span
 * @param {number} client
 * @param {import("./random.mjs").Random} random
 * @returns {Fault}
 */
function fault(kind, span, client, random) {
  switch (kind) {
    case "latency":
      return { kind, ...span, client, seconds: random.between(0.005, 0.3) };
    case "cut":
      return { kind, ...span, client, bytes: random.integer(20_000) };
    case "half-open":
      return { kind, ...span, client, direction: random.pick(["in", "out"]) };
    case "restart-hub":
      return { kind, ...span, signal: random.pick(["SIGKILL", "SIGTERM"]) };
    case "stop-hub":
      return { kind, ...span };
    case "slices":
    case "black-hole":
    case "stop":
    case "kill":
      return { kind, ...span, client };
  }
}
