// What several workloads share: load for a window, figures for each request or message.

/** @typedef {import("../lib/types.js").Column} Column */

/** Requests under way at any time. */
const IN_FLIGHT = 256;

/** @type {readonly Column[]} */
const cpuColumns = [
  { key: "cpu", title: "CPU µs", format: "number", better: "less", compared: true },
  { key: "hub", title: "hub", format: "number", better: "less", compared: true },
];

/** @type {readonly Column[]} */
const machineColumns = [
  { key: "busy", title: "busy", format: "number" },
  { key: "other", title: "other", format: "number" },
];

/** @type {readonly Column[]} */
export const requestColumns = [
  { key: "rate", title: "requests/s", format: "count", better: "more" },
  ...cpuColumns,
  { key: "responder", title: "responder", format: "number", better: "less" },
  { key: "requester", title: "requester", format: "number", better: "less" },
  ...machineColumns,
];

/**
 * @param {import("../lib/types.js").Session} session
 * @param {import("../lib/types.js").Limits} [limits]
 * @param {() => Promise<void>} [prepare] starts somebody else before the load
 */
export async function measureRequests(session, limits, prepare) {
  const hub = await session.hub(limits);
  const responder = await session.start("responder");
  await prepare?.();
  const requester = await session.start("requester", { bytes: 128 });
  await requester.ask("load", { inFlight: IN_FLIGHT });
  const children = { hub: [hub], responder: [responder], requester: [requester] };
  const { rate, cpu, busy, other } = await session.window([requester], children);
  await requester.ask("stop");
  return { rate, ...figuresOf(cpu), busy, other };
}

/**
 * @param {string} unit
 * @returns {readonly Column[]}
 */
export function messageColumns(unit) {
  return [
    { key: "rate", title: unit, format: "count", better: "more" },
    ...cpuColumns,
    { key: "publisher", title: "publisher", format: "number", better: "less" },
    { key: "subscribers", title: "subscribers", format: "number", better: "less" },
    ...machineColumns,
  ];
}

/**
 * @typedef {object} Flow
 * @property {number} bytes of each message
 * @property {number} window messages under way between publisher and the slowest subscriber
 * @property {number} [processes] of subscribers
 * @property {number} [connections] of each
 * @property {number} [patterns] of each subscriber
 */

/**
 * @param {import("../lib/types.js").Session} session
 * @param {Flow} flow
 * @param {import("../lib/types.js").Limits} [limits]
 */
export async function measureFlow(session, flow, limits) {
  const { bytes, window, processes = 1, connections = 1, patterns = 1 } = flow;
  const hub = await session.hub(limits);
  const subscribers = [];
  for (let index = 0; index < processes; index++) {
    const step = Math.max(1, window >> 3);
    subscribers.push(await session.start("subscriber", { bytes, connections, patterns, step }));
  }
  const publisher = await session.start("publisher", { bytes });
  session.relay(publisher, subscribers, window);
  const children = { hub: [hub], publisher: [publisher], subscribers };
  const { rate, cpu, busy, other } = await session.window(subscribers, children);
  const sent = await publisher.ask("stop");
  await Promise.all(subscribers.map((child) => child.ask("settle", { sent })));
  return { rate, ...figuresOf(cpu), busy, other };
}

/** @param {Readonly<Record<string, number>>} cpu */
function figuresOf({ total, ...rest }) {
  return { cpu: total, ...rest };
}
