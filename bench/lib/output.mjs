import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { machineLine } from "./machine.mjs";
import { plotsOf } from "./plots.mjs";
import { tableOf } from "./report.mjs";

/**
 * Everything that one run of the benchmark found.
 * @typedef {object} Outcome
 * @property {ReturnType<typeof import("./machine.mjs").describeMachine>} machine
 * @property {Record<string, string>} peers what takes part, or why it does not
 * @property {number} repeat
 * @property {number} seconds
 * @property {readonly import("./plots.mjs").Result[]} results
 */

/**
 * Writes the tables, every single figure for programs, and the plots; returns the paths.
 * @param {string} folder
 * @param {Outcome} outcome
 */
export function writeOutcome(folder, { machine, peers, repeat, seconds, results }) {
  const how = `${repeat} × ${seconds} s, median and range`;
  const notes = Object.entries(peers).map(([name, note]) => `${name}: ${note}`);
  const tables = results.map(({ workload, entries }) => tableOf(workload, entries).join("\n"));
  const json = {
    machine,
    peers,
    repeat,
    seconds,
    questions: results.map(({ workload: { id, title, columns, growth }, entries }) => ({
      ...{ id, title, columns, growth },
      entries,
    })),
  };
  const foot = `${machine.date}; ${machine.cpu}, ${machine.cores} cores; Node ${machine.node}; ${how}`;
  const files = {
    "results.txt": `${machineLine(machine)}\n${how}\n\n${[notes.join("\n"), ...tables].join("\n\n")}\n`,
    "results.json": `${JSON.stringify(json, null, 1)}\n`,
    ...plotsOf(results, foot),
  };
  mkdirSync(folder, { recursive: true });
  return Object.entries(files).map(([name, text]) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  });
}
