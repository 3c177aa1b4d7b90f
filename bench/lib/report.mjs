// From repetitions to tables.

import { summary } from "./statistics.mjs";
import { formatCount, formatNumber, formatTable } from "./table.mjs";

/** What the others are compared with. */
export const REFERENCE = "node-net";

/**
 * What came of the repetitions of one peer at one question.
 * @typedef {object} Entry
 * @property {string} peer
 * @property {number} point
 * @property {import("./types.js").Figures[]} runs
 * @property {string[]} failures
 */

/**
 * @param {Entry} entry
 * @param {string} key
 */
export function summaryOf(entry, key) {
  return summary(entry.runs.flatMap((run) => run[key] ?? []));
}

/**
 * @param {import("./types.js").Workload} workload
 * @param {readonly Entry[]} entries
 */
export function tableOf(workload, entries) {
  const { columns, growth } = workload;
  const [main] = columns;
  const head = [
    "peer",
    ...(growth === undefined ? [] : [growth.title]),
    ...columns.map(({ title }) => title),
    `× ${REFERENCE}`,
  ];
  const rows = entries.map((entry) => {
    const point = growth === undefined ? [] : [String(entry.point)];
    if (entry.runs.length === 0) return [entry.peer, ...point, "failed"];
    const cells = columns.map((column) => {
      const found = summaryOf(entry, column.key);
      if (found === undefined) return "-";
      const text = column.format === "count" ? formatCount : formatNumber;
      const isPlain = entry.runs.length === 1 || column.better === undefined;
      if (isPlain) return text(found.median);
      return `${text(found.median)} [${text(found.min)}..${text(found.max)}]`;
    });
    return [entry.peer, ...point, ...cells, main === undefined ? "" : factor(entry, entries, main)];
  });
  const failures = entries.flatMap(({ peer, failures }) =>
    failures.map((failure) => `  ${peer} failed: ${failure}`),
  );
  return [`${workload.id}  ${workload.title}`, ...formatTable(head, rows), ...failures];
}

/**
 * @param {Entry} entry
 * @param {readonly Entry[]} entries
 * @param {import("./types.js").Column} column
 */
function factor(entry, entries, column) {
  const reference = entries.find(({ peer, point }) => peer === REFERENCE && point === entry.point);
  const base = reference === undefined ? undefined : summaryOf(reference, column.key)?.median;
  const own = summaryOf(entry, column.key)?.median;
  return base === undefined || own === undefined ? "" : (own / base).toFixed(2);
}
