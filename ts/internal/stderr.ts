// Lines for the operator on stderr, whatever has become of it: closed, a pipe whose reader is gone,
// or one whose reader has stopped. Neither ends nor holds up the process.

import { isMainThread } from "node:worker_threads";
import { loadNative } from "../border/native.js";
import { setTimeout } from "./timers.js";

/** Lines that wait for a reader. */
const MAX_WAITING = 256;
/** Milliseconds between two looks whether it reads again. */
const LOOK = 100;
/**
 * UTF-16 units of a line, which are less than the 4 KiB that a pipe takes at once or not at all.
 */
const MAX_LINE = 1300;

const waiting: string[] = [];
let lost = 0;
let looking = false;

/** Writes a line, without its end; keeps it while nobody reads, or counts it as lost. */
export function writeLine(line: string): void {
  if (waiting.length === 0 && lost === 0 && put(line)) return;
  if (waiting.length < MAX_WAITING) waiting.push(line);
  else lost += 1;
  if (looking) return;
  looking = true;
  process.once("exit", retry);
  look();
}

function look(): void {
  setTimeout(() => {
    if (retry()) {
      looking = false;
      process.off("exit", retry);
    } else look();
  }, LOOK).unref();
}

/** True: nothing is left. */
function retry(): boolean {
  for (let line = waiting[0]; line !== undefined; line = waiting[0]) {
    if (!put(line)) return false;
    waiting.shift();
  }
  if (lost > 0 && !put(`netsvc warn: ${lost} messages before this one were dropped`)) return false;
  lost = 0;
  return true;
}

/** False: its reader would have to be waited for. */
function put(line: string): boolean {
  const whole = `${line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}…` : line}\n`;
  // What a worker writes by Node, the main thread writes, which an error there would end.
  if (!isMainThread) return loadNative().writeToStderr(whole);
  if (!takes()) return false;
  write(whole);
  return true;
}

function takes(): boolean {
  try {
    return loadNative().stderrTakes();
  } catch {
    return true; // without an addon nobody knows
  }
}

/** As `console` does it: the error of a stream that is gone is nobody's business. */
function write(line: string): void {
  const { stderr } = process;
  stderr.once("error", ignore);
  try {
    stderr.write(line, (error) => {
      // Told before the event.
      if (error && stderr.listenerCount("error") === 0) stderr.once("error", ignore);
    });
  } finally {
    stderr.removeListener("error", ignore);
  }
}

function ignore(): void {}
