import { settledMemory } from "../lib/procfs.mjs";

const CONNECTIONS = 1000;

/** @param {import("../lib/types.js").Program} program */
const memory = ({ pid }) => settledMemory(pid);

/** @type {import("../lib/types.js").Workload} */
const workload = {
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
    // All of them come from one user.
    const hub = await session.hub({ links: 2 * CONNECTIONS, linksPerSource: 1.5 * CONNECTIONS });
    const idle = await memory(hub);
    const bare = await memory(await session.program("bare"));
    const client = await memory(await session.program("client"));
    await session.start("idle", { connections: CONNECTIONS });
    const busy = await memory(hub);
    return {
      each: (busy.own - idle.own) / (CONNECTIONS + 1),
      idle: idle.rss / 1024,
      busy: busy.rss / 1024,
      client: (client.rss - bare.rss) / 1024,
      bare: bare.rss / 1024,
    };
  },
};

export const workloads = [workload];
