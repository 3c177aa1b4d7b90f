// What clients under chaos write down, and how it is read.

import { existsSync, readFileSync } from "node:fs";

/**
 * The end of a call, at its caller.
 *
 * @typedef {{ result: unknown } | { failure: string }
 *   | { code: string, delivered: "no" | "yes" | "unknown" } | { unexpected: string }} Outcome
 */

/**
 * - `life`: the process that the history is of
 * - `called`, `ended`: a call, at the caller; `late` milliseconds after its deadline, in which the
 *   caller's process did nothing at all for at most `paused` milliseconds in a row
 * - `ran`: a handler was begun for it, at the provider
 * - `told`: a report, to the subscription `by`
 * - `seen`: a change of the registry
 * - `end`: left in peace, with everything written down
 *
 * @typedef {{ kind: "life", process: string, services: string[] }
 *   | { kind: "called", call: string, method: string, value: number }
 *   | { kind: "ended", call: string, late: number, paused: number, outcome: Outcome }
 *   | { kind: "ran", call: string }
 *   | { kind: "told", by: string, service: string, sequence: number, missed: number,
 *       replayed: boolean, resumed: boolean, content: unknown }
 *   | { kind: "seen", status: string, service: string }
 *   | { kind: "end" }} Entry
 */

/** @typedef {{ label: string, entries: Entry[] }} History */

/**
 * @param {string} label
 * @param {string} path
 * @returns {History}
 */
export function readHistory(label, path) {
  // A process may be killed before it has begun to write.
  if (!existsSync(path)) return { label, entries: [] };
  const lines = readFileSync(path, "utf8").split("\n");
  // A killed process may have written half of its last line.
  lines.pop();
  return { label, entries: lines.map((line) => JSON.parse(line)) };
}
