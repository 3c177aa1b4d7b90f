import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startChild } from "./child.mjs";
import { freePorts } from "./port.mjs";
import { cpuSeconds, machineSeconds } from "./procfs.mjs";
import { startProgram } from "./program.mjs";
import { startServer } from "./server.mjs";

const ROLE = fileURLToPath(new URL("role.mjs", import.meta.url));

/** Seconds that processes run before a window is taken: compilers and buffers reach their size. */
const WARM_UP_SECONDS = 0.8;

const BARE = "setInterval(() => {}, 1e6);";

/**
 * Runs one measurement of one peer in fresh processes, all of which are gone afterwards.
 * @param {string} name of the peer
 * @param {import("./types.js").Peer} peer
 * @param {import("./types.js").Workload} workload
 * @param {number} point
 * @param {import("./types.js").Settings} settings
 * @returns {Promise<import("./types.js").Figures>}
 */
export async function runSession(name, peer, workload, point, settings) {
  const folder = mkdtempSync(join(tmpdir(), "netsvc-bench-"));
  const ports = await freePorts(4);
  const place = { port: ports[0] ?? 0, ports, path: join(folder, "hub.sock"), folder };
  /** @type {Set<{ kill: () => Promise<void> }>} */
  const running = new Set();
  /** @type {(error: Error) => void} */
  let fail = () => {};
  const failed = new Promise((_, reject) => {
    fail = reject;
  });
  failed.catch(() => {});

  /**
   * @param {string} program
   * @param {readonly string[]} args
   */
  const pinned = (program, args) =>
    workload.pinned === true
      ? /** @type {const} */ (["taskset", ["--cpu-list", "0", program, ...args]])
      : /** @type {const} */ ([program, args]);

  /**
   * @param {string} role
   * @param {Readonly<Record<string, unknown>>} [options]
   */
  const start = async (role, options = {}) => {
    const all = { place, ...options };
    const { program, args } = peer.program?.(role, all) ?? {
      program: process.execPath,
      args: [ROLE, name, role, JSON.stringify(all)],
    };
    const child = await startChild(...pinned(program, args), fail);
    running.add(child);
    return child;
  };

  /** @type {import("./types.js").Session} */
  const session = {
    settings,
    async hub(limits = {}) {
      if (peer.server === undefined) return start("hub", { limits });
      const { program, args } = peer.server(place);
      const server = await startServer(...pinned(program, args), place.port);
      const child = serverAsChild(server);
      running.add(child);
      return child;
    },
    start,
    async program(which) {
      const text = which === "bare" ? BARE : (peer.idleProgram?.(place) ?? "");
      const program = await startProgram(text, join(folder, `${which}.mjs`), pinned);
      running.add(program);
      return program;
    },
    async window(counted, children) {
      await sleep(WARM_UP_SECONDS);
      const before = await look(counted, children);
      await sleep(settings.seconds);
      return difference(before, await look(counted, children));
    },
    async during(children, work) {
      const before = await look([], children);
      const figures = await work();
      const { busy, other } = difference(before, await look([], children));
      return { ...figures, busy, other };
    },
    relay(publisher, subscribers, window) {
      const received = new Map(subscribers.map((child) => [child, 0]));
      let granted = window;
      publisher.tell({ grant: granted });
      for (const child of subscribers) {
        child.onTold((message) => {
          if (message.received === undefined) return;
          received.set(child, message.received);
          const allowed = Math.min(...received.values()) + window;
          if (allowed === granted) return;
          granted = allowed;
          publisher.tell({ grant: granted });
        });
      }
    },
  };

  try {
    return /** @type {import("./types.js").Figures} */ (
      await Promise.race([workload.measure(session, point), failed])
    );
  } finally {
    await Promise.all([...running].map((child) => child.kill()));
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @typedef {object} Look
 * @property {Array<{ count: number, at: number }>} marks
 * @property {Record<string, number>} cpu
 * @property {number} own
 * @property {{ busy: number, all: number }} machine
 */

/**
 * @param {readonly import("./types.js").Child[]} counted
 * @param {Readonly<Record<string, import("./types.js").Child[]>>} children
 * @returns {Promise<Look>}
 */
async function look(counted, children) {
  const machine = machineSeconds();
  const cpu = Object.fromEntries(
    Object.entries(children).map(([name, group]) => [
      name,
      group.reduce((sum, child) => sum + cpuSeconds(child.pid), 0),
    ]),
  );
  const { user, system } = process.cpuUsage();
  const own = (user + system) / 1e6;
  const marks = await Promise.all(counted.map((child) => child.ask(/** @type {const} */ ("mark"))));
  return { marks: /** @type {Look["marks"]} */ (marks), cpu, own, machine };
}

/**
 * @param {Look} before
 * @param {Look} after
 * @returns {import("./types.js").Window}
 */
export function difference(before, after) {
  let count = 0;
  let rate = 0;
  after.marks.forEach((mark, index) => {
    const start = before.marks[index] ?? mark;
    count += mark.count - start.count;
    rate += ((mark.count - start.count) * 1000) / (mark.at - start.at);
  });
  /** @type {Record<string, number>} */
  const cpu = {};
  let used = 0;
  for (const [name, seconds] of Object.entries(after.cpu)) {
    const spent = seconds - (before.cpu[name] ?? 0);
    used += spent;
    cpu[name] = (spent * 1e6) / count;
  }
  cpu.total = (used * 1e6) / count;
  const all = after.machine.all - before.machine.all;
  const busy = (after.machine.busy - before.machine.busy) / all;
  const own = (used + after.own - before.own) / all;
  return { count, rate, cpu, busy, other: Math.max(0, busy - own) };
}

/**
 * @param {Awaited<ReturnType<typeof startServer>>} server
 * @returns {import("./types.js").Child}
 */
function serverAsChild({ pid, listening, stop }) {
  const none = () => {
    throw new Error("a server takes no commands");
  };
  /** @type {import("./types.js").Child["ask"]} */
  const ask = async (command) =>
    command === "listening" ? /** @type {any} */ (listening) : none();
  return { pid, ask, tell: none, onTold: none, kill: stop };
}

/** @param {number} seconds */
export function sleep(seconds) {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

/** Whether processes can be bound to a core. */
export function canPin() {
  return new Promise((resolve) => {
    const child = spawn("taskset", ["--cpu-list", "0", "true"], { stdio: "ignore" });
    child.on("error", () => resolve(false)).on("close", (code) => resolve(code === 0));
  });
}
