import { settledMemory } from "../lib/procfs.mjs";

const CONNECTIONS = 1000;

/** @param {import("../lib/types.js").Program} program */
const kib = async ({ pid }) => (await settledMemory(pid)).rss;

/** @type {import("../lib/types.js").Workload} */
const memory = {
  id: "W6",
  title: "Resident memory: hub, idle and with 1,000 idle connections; a client over a bare Node",
  needs: ["idle", "idleProgram"],
  columns: [
    { key: "each", title: "KiB each connection", format: "number", better: "less" },
    { key: "idle", title: "hub idle MiB", format: "number", better: "less" },
    { key: "busy", title: "hub, 1,000 MiB", format: "number", better: "less" },
    { key: "client", title: "client over bare Node MiB", format: "number", better: "less" },
    { key: "bare", title: "bare Node MiB", format: "number" },
  ],
  async measure(session) {
    const hub = await session.hub();
    const idleKib = await kib(hub);
    const bareKib = await kib(await session.program("bare"));
    const clientKib = await kib(await session.program("client"));
    await session.start("idle", { connections: CONNECTIONS });
    const busyKib = await kib(hub);
    return {
      each: (busyKib - idleKib) / (CONNECTIONS + 1),
      idle: idleKib / 1024,
      busy: busyKib / 1024,
      client: (clientKib - bareKib) / 1024,
      bare: bareKib / 1024,
    };
  },
};

export const workloads = [memory];
