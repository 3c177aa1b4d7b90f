// From repetitions to tables.

import { summary } from "./statistics.mjs";
import { formatCount, formatNumber, formatTable } from "./table.mjs";

/** What the others are compared with: the first in every column that asks for it. */
export const REFERENCES = /** @type {const} */ (["node-net", "node-net2"]);

/**
 * What came of the repetitions of one peer at one question.
 * @typedef {object} Entry
 * @property {string} peer
 * @property {number} point
 * @property {import("./types.js").Figures[]} runs
 * @property {string[]} failures
 */

/**
 * Median and range of one figure; `undefined` if it was not measured.
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
  const factors = factorsOf(columns).filter(({ reference }) =>
    entries.some(({ peer }) => peer === reference),
  );
  const head = [
    "peer",
    ...(growth === undefined ? [] : [growth.title]),
    ...columns.map(({ title }) => title),
    ...factors.map(({ title }) => title),
  ];
  const rows = entries.map((entry) => [
    entry.peer,
    ...(growth === undefined ? [] : [String(entry.point)]),
    ...(entry.runs.length === 0
      ? ["failed"]
      : [
          ...columns.map((column) => cell(entry, column)),
          ...factors.map(({ key, reference }) => factor(entry, entries, key, reference)),
        ]),
  ]);
  const title = `${workload.id}  ${workload.title}`;
  return [title, ...formatTable(head, rows), ...limitLines(workload), ...failureLines(entries)];
}

/** @param {readonly import("./types.js").Column[]} columns */
function factorsOf(columns) {
  const [main, ...others] = columns;
  if (main === undefined) return [];
  return [
    ...REFERENCES.map((reference) => ({ key: main.key, reference, title: `× ${reference}` })),
    ...others
      .filter(({ compared }) => compared)
      .map(({ key, title }) => ({
        key,
        reference: REFERENCES[0],
        title: `${title} ×`,
      })),
  ];
}

/**
 * @param {Entry} entry
 * @param {import("./types.js").Column} column
 */
function cell(entry, { key, format, better }) {
  const found = summaryOf(entry, key);
  if (found === undefined) return "-";
  const text = format === "count" ? formatCount : formatNumber;
  if (entry.runs.length === 1 || better === undefined) return text(found.median);
  return `${text(found.median)} [${text(found.min)}..${text(found.max)}]`;
}

/**
 * @param {Entry} entry
 * @param {readonly Entry[]} entries
 * @param {string} key
 * @param {string} reference
 */
function factor(entry, entries, key, reference) {
  const other = entries.find(({ peer, point }) => peer === reference && point === entry.point);
  const base = other && summaryOf(other, key)?.median;
  const own = summaryOf(entry, key)?.median;
  return base === undefined || own === undefined || base === 0 ? "" : (own / base).toFixed(2);
}

/** @param {import("./types.js").Workload} workload */
function limitLines({ limits, growth }) {
  return (growth?.points ?? []).flatMap((point) => {
    const raised = Object.entries(limits?.(point) ?? {});
    const list = raised.map(([name, value]) => `${name} ${value}`).join(", ");
    return list === "" ? [] : [`  limits of netsvc for ${point} ${growth?.title}: ${list}`];
  });
}

/** @param {readonly Entry[]} entries */
function failureLines(entries) {
  return entries.flatMap(({ peer, failures }) =>
    failures.map((failure) => `  ${peer} failed: ${failure.trim().replaceAll("\n", "\n    ")}`),
  );
}
