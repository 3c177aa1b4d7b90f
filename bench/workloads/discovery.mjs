const SERVICES = 1000;

/** @type {import("../lib/types.js").Workload} */
const discovery = {
  id: "W8",
  title: `${SERVICES} services in one process: ms until a late joiner sees all, until others know of SIGKILL`,
  needs: ["announcer", "watcher"],
  columns: [
    { key: "joined", title: "joiner sees all", format: "number", better: "less" },
    { key: "gone", title: "gone after SIGKILL", format: "number", better: "less" },
    { key: "announced", title: "announced, with process start", format: "number", better: "less" },
  ],
  async measure(session) {
    await session.hub();
    const before = performance.now();
    const announcer = await session.start("announcer", { count: SERVICES });
    const announced = performance.now() - before;
    const watcher = await session.start("watcher", { count: SERVICES });
    /** @type {number} */
    const seen = await watcher.ask("until", { count: SERVICES });
    /** @type {number} */
    const started = await watcher.ask("started");
    /** @type {Promise<number>} */
    const gone = watcher.ask("until", { count: 0 });
    const killed = Number(process.hrtime.bigint());
    await announcer.kill();
    return {
      joined: (seen - started) / 1e6,
      gone: ((await gone) - killed) / 1e6,
      announced,
    };
  },
};

export const workloads = [discovery];
