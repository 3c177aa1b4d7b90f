/** Requests one after the other: 10,000 for each second of the window's length. */
const REQUESTS_PER_SECOND = 10_000;

/** @type {import("../lib/types.js").Workload} */
const latency = {
  id: "W1",
  title: "Request and reply, 128 B, one in flight",
  needs: ["requester", "responder"],
  columns: [
    { key: "p50", title: "p50 µs", format: "number", better: "less" },
    { key: "p99", title: "p99 µs", format: "number", better: "less", compared: true },
    { key: "p999", title: "p99.9 µs", format: "number", better: "less" },
    { key: "busy", title: "busy", format: "number" },
    { key: "other", title: "other", format: "number" },
  ],
  async measure(session) {
    const hub = await session.hub();
    const responder = await session.start("responder");
    const requester = await session.start("requester", { bytes: 128 });
    const count = Math.round(session.settings.seconds * REQUESTS_PER_SECOND);
    await requester.ask("latency", { warmUp: 3000 }, 60);
    return session.during({ hub: [hub], clients: [responder, requester] }, () =>
      requester.ask("latency", { count }, 60),
    );
  },
};

/** @type {import("../lib/types.js").Workload} */
const pinned = {
  ...latency,
  id: "W1p",
  title: "Request and reply, 128 B, one in flight, all processes on one core",
  pinned: true,
};

export const workloads = [latency, pinned];
