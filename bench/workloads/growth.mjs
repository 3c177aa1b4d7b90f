// What a message or request costs as what is around it grows. Nothing of that may cost more than it
// must: patterns that do not match, services that nobody calls, and, for each delivery,
// subscribers.

import { measureFlow, measureRequests, messageColumns, requestColumns } from "./load.mjs";

/** Deliveries under way at most, however many subscribers share them. */
const DELIVERIES = 8 * 32_768;

/** @type {import("../lib/types.js").Workload} */
const patterns = {
  id: "G1",
  title: "W3, the subscriber has more patterns, of which one matches",
  needs: ["publisher", "subscriber"],
  peers: ["node-net", "netsvc", "netsvc-thread", "nats"],
  growth: { title: "patterns", points: [1, 10, 100, 1000] },
  columns: messageColumns("messages/s"),
  measure: (session, point) =>
    measureFlow(session, { bytes: 128, window: 32_768, patterns: point }),
};

/** @type {import("../lib/types.js").Workload} */
const services = {
  id: "G2",
  title: "W2, the registry holds more services, of which one is called",
  needs: ["requester", "responder", "announcer"],
  peers: ["netsvc", "netsvc-thread"],
  growth: { title: "services", points: [1, 10, 1000, 10_000] },
  columns: requestColumns,
  limits: (point) => (point > 1000 ? { services: point } : {}),
  measure(session, point) {
    const limits = services.limits?.(point) ?? {};
    return measureRequests(session, limits, async () => {
      if (point > 1) await session.start("announcer", { count: point - 1, limits });
    });
  },
};

/** @type {import("../lib/types.js").Workload} */
const subscribers = {
  id: "G3",
  title: "W4, more subscribers, in 2 processes; figures for each delivery",
  needs: ["publisher", "subscriber"],
  peers: ["node-net", "node-net2", "netsvc", "netsvc-thread", "nats", "limit"],
  growth: { title: "subscribers", points: [8, 64, 512] },
  columns: messageColumns("deliveries/s"),
  measure: (session, point) =>
    measureFlow(session, {
      bytes: 128,
      window: DELIVERIES / point,
      processes: 2,
      connections: point / 2,
    }),
};

export const workloads = [patterns, services, subscribers];
