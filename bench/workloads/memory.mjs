import { spawn } from "node:child_process";
import { once } from "node:events";
import { settledMemory } from "../lib/procfs.mjs";

const CONNECTIONS = 1000;

/** @param {import("../lib/types.js").Child} child */
const kib = async (child) => (await settledMemory(child.pid)).rss;

/** KiB of a Node that only waits. */
async function bareNode() {
  const child = spawn(process.execPath, ["--eval", "setInterval(() => {}, 1e6)"], {
    stdio: "ignore",
  });
  await once(child, "spawn");
  try {
    return (await settledMemory(child.pid ?? 0)).rss;
  } finally {
    child.kill("SIGKILL");
  }
}

/** @type {import("../lib/types.js").Workload} */
const memory = {
  id: "W6",
  title: "Resident memory: hub, idle and with 1,000 idle connections; a client over a bare Node",
  needs: ["idle"],
  columns: [
    { key: "each", title: "KiB each connection", format: "number", better: "less" },
    { key: "idle", title: "hub idle MiB", format: "number", better: "less" },
    { key: "busy", title: "hub, 1,000 MiB", format: "number", better: "less" },
    { key: "client", title: "client over bare Node MiB", format: "number", better: "less" },
    { key: "harness", title: "of it the benchmark", format: "number" },
    { key: "bare", title: "bare Node MiB", format: "number" },
  ],
  async measure(session) {
    const hub = await session.hub();
    const harness = await session.start("idle", { connections: 0 });
    const harnessKib = await kib(harness);
    const bareKib = await bareNode();
    const idleKib = await kib(hub);
    const client = await session.start("idle", { connections: 1 });
    const clientKib = await kib(client);
    await session.start("idle", { connections: CONNECTIONS });
    const busyKib = await kib(hub);
    return {
      each: (busyKib - idleKib) / CONNECTIONS,
      idle: idleKib / 1024,
      busy: busyKib / 1024,
      client: (clientKib - bareKib) / 1024,
      harness: (harnessKib - bareKib) / 1024,
      bare: bareKib / 1024,
    };
  },
};

export const workloads = [memory];
