// What Linux says about processes. CPU times are in seconds, in steps of the kernel's tick (10 ms).

import { readFileSync } from "node:fs";

/** Ticks in a second: USER_HZ, which is 100 wherever Node runs on Linux. */
const TICKS = 100;

/**
 * CPU that a process has used, all threads, in user and system mode.
 * @param {number} pid
 */
export function cpuSeconds(pid) {
  return parseCpu(readFileSync(`/proc/${pid}/stat`, "latin1"));
}

/** @param {string} stat content of /proc/PID/stat */
export function parseCpu(stat) {
  // The second field is the program's name in parentheses, and may contain both.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** CPU of the whole machine since it started: `busy` includes what the hypervisor took. */
export function machineSeconds() {
  return parseMachine(readFileSync("/proc/stat", "latin1"));
}

/** @param {string} stat content of /proc/stat */
export function parseMachine(stat) {
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0, steal = 0] = stat
    .slice(0, stat.indexOf("\n"))
    .split(/\s+/)
    .slice(1)
    .map((ticks) => Number(ticks) / TICKS);
  const busy = user + nice + system + irq + soft + steal;
  return { busy, all: busy + idle + wait };
}

/**
 * Resident memory in KiB: `rss` is everything, `own` this process's alone.
 * @param {number} pid
 */
export function memoryKib(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  /** @param {string} field */
  const kib = (field) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1]);
  return { rss: kib("VmRSS"), own: kib("RssAnon") };
}

/**
 * Memory when it no longer changes.
 * @param {number} pid
 * @param {number} seconds as long as it is measured anew
 */
export async function settledMemory(pid, seconds = 15) {
  const end = performance.now() + seconds * 1000;
  let last = memoryKib(pid);
  for (let same = 0; same < 4 && performance.now() < end; ) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const next = memoryKib(pid);
    same = next.rss === last.rss ? same + 1 : 0;
    last = next;
  }
  return last;
}
