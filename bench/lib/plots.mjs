// The drawings that README.md of the repository shows.

import { summaryOf } from "./report.mjs";
import { barPanel, drawing, linePanel } from "./svg.mjs";
import { formatCount, formatNumber } from "./table.mjs";

/**
 * @typedef {object} Result
 * @property {import("./types.js").Workload} workload
 * @property {readonly import("./report.mjs").Entry[]} entries
 */

/** The questions whose answers are drawn, and what their bars are. */
const BARS = [
  { id: "W2", title: "Requests, 128 B, 256 in flight", what: "requests/s: more is better" },
  { id: "W3", title: "Reports to one subscriber, 128 B", what: "messages/s: more is better" },
  { id: "W4", title: "Reports to eight subscribers, 128 B", what: "deliveries/s: more is better" },
  { id: "W5", title: "Reports of 1 MiB", what: "MB/s: more is better" },
  { id: "W1", title: "One request at a time, 128 B", what: "µs, median: less is better" },
  { id: "W1p", title: "The same on one core", what: "µs, median: less is better" },
];

const LINES = [
  { id: "G1", title: "Patterns of the subscriber", what: "CPU µs for each message (W3)" },
  { id: "G2", title: "Services in the registry", what: "CPU µs for each request (W2)" },
  { id: "G3", title: "Subscribers", what: "CPU µs for each delivery (W4)" },
];

/** It would make all other bars too short to be compared. */
const LIMIT = "limit";

/** One colour for each peer in all drawings. */
const COLOURS = ["netsvc", "node-net", "node-net2", "netsvc-thread", "limit", "nats"];

/**
 * Drawings by file name; those whose questions were not asked are left out.
 * @param {readonly Result[]} results
 * @param {string} foot
 * @returns {Record<string, string>}
 */
export function plotsOf(results, foot) {
  const bars = BARS.flatMap(({ id, title, what }) => {
    const result = results.find(({ workload }) => workload.id === id);
    if (result === undefined) return [];
    const all = barsOf(result);
    const limit = all.find(({ label }) => label === LIMIT);
    const subtitle =
      limit === undefined ? what : `${what}; the least that must be done: ${limit.text}`;
    return [
      barPanel(
        title,
        subtitle,
        all.filter(({ label }) => !label.startsWith(LIMIT)),
      ),
    ];
  });
  const lines = LINES.flatMap(({ id, title, what }) => {
    const result = results.find(({ workload }) => workload.id === id);
    return result === undefined
      ? []
      : [linePanel(title, `${what}: less is better`, seriesOf(result), formatNumber)];
  });
  return {
    ...(bars.length > 0 && { "throughput.svg": drawing(bars, foot) }),
    ...(lines.length > 0 && { "growth.svg": drawing(lines, foot) }),
  };
}

/** @param {Result} result */
function barsOf({ workload: { columns }, entries }) {
  const [main] = columns;
  const format = main?.format === "count" ? formatCount : formatNumber;
  return entries.flatMap((entry) => {
    const found = summaryOf(entry, main?.key ?? "");
    if (found === undefined) return [];
    const { median: value, min, max } = found;
    const own = entry.peer.startsWith("netsvc");
    return [{ label: entry.peer, own, value, min, max, text: format(value) }];
  });
}

/**
 * CPU: what a thing costs shows in it, also where no process is at its limit.
 * @param {Result} result
 */
function seriesOf({ entries }) {
  const peers = [...new Set(entries.map(({ peer }) => peer))];
  return peers
    .map((label) => ({
      label,
      colour: COLOURS.indexOf(label),
      points: entries
        .filter(({ peer }) => peer === label)
        .flatMap((entry) => {
          const found = summaryOf(entry, "cpu");
          return found === undefined || found.median === 0
            ? []
            : [/** @type {[number, number]} */ ([entry.point, found.median])];
        }),
    }))
    .filter(({ points }) => points.length > 0);
}
