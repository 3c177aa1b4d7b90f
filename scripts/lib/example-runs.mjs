// Runs the programs of a page, compiled, and compares what they print with what the page shows.

import { missingLine } from "./examples.mjs";
import { WatchedProcess } from "./watched.mjs";

/**
 * @typedef {object} Program
 * @property {string} name
 * @property {string} script path of the JavaScript file
 * @property {boolean} sigterm whether it is ended by SIGTERM after its first line, and has to end
 * @property {readonly string[]} output see `Example`
 */

/**
 * Programs that a page shows are run at the same time, with those `beside` them.
 * @param {readonly Program[]} programs
 * @param {{ cwd: string, env: NodeJS.ProcessEnv, patience: number, beside?: readonly string[] }}
 *   options `patience`: milliseconds that they may take; `beside`: scripts
 * @returns {Promise<string[]>} what is wrong, with all that was printed
 */
export async function runPrograms(programs, { cwd, env, patience, beside = [] }) {
  const others = beside.map((script) => new WatchedProcess([script], { cwd, env }));
  const running = programs.map((program) => ({
    program,
    process: new WatchedProcess([program.script], { cwd, env }),
  }));
  try {
    // Those whose output is not shown are there for the others, and done when these are.
    const shown = running.filter(({ program }) => program.output.length > 0);
    const silent = running.filter((one) => !shown.includes(one));
    const ends = shown.length === 0;
    const problems = await Promise.all(
      shown.map((one) => reported(one, showsAll(one.program, one.process, patience))),
    );
    for (const one of silent)
      problems.push(await reported(one, isSilent(one.process, patience, ends)));
    const found = problems.filter((problem) => problem !== undefined);
    if (found.length > 0) found.push(...others.map((other) => other.stdout + other.stderr));
    return found;
  } finally {
    await Promise.all([...others, ...running.map(({ process }) => process)].map((p) => p.stop()));
  }
}

/**
 * @param {{ program: Program, process: WatchedProcess }} running
 * @param {Promise<string | undefined>} found
 */
async function reported({ program, process }, found) {
  const problem = await found;
  if (problem === undefined) return undefined;
  return `${program.name} ${problem}\n${process.stdout}${process.stderr}`;
}

/**
 * @param {Program} program
 * @param {WatchedProcess} process
 * @param {number} patience
 */
async function showsAll({ output, sigterm }, process, patience) {
  const missing = (lines = output) => missingLine(lines, process.stdout);
  if (sigterm) {
    const first = output.slice(0, 1);
    if (!(await process.until(() => missing(first) === undefined, patience)))
      return `did not print: ${first}`;
    await process.stop();
  }
  await process.until(() => missing() === undefined, patience);
  const line = missing();
  return line === undefined ? wrongEnd(process) : `did not print: ${line}`;
}

/**
 * @param {WatchedProcess} process
 * @param {number} patience
 * @param {boolean} ends whether it has to end by itself
 */
async function isSilent(process, patience, ends) {
  if (ends && !(await process.until(() => process.ended !== undefined, patience)))
    return "shows no output, and does not end";
  return process.stdout === "" ? wrongEnd(process) : "prints what is not shown";
}

/** @param {WatchedProcess} process */
function wrongEnd({ ended }) {
  if (ended === undefined || ended.code === 0) return undefined;
  return `ended with ${ended.code ?? ended.signal}`;
}
