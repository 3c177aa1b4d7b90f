import { count } from "./checks.js";

/**
 * Bounds of one registry; nothing in netsvc grows without one. What is left out keeps its default.
 */
export interface Limits {
  /** Bytes of content of one request, response or report: 1 MiB; at most 64 MiB. */
  payload?: number | undefined;
  /** Bytes queued for one link: 32 MiB. */
  outbox?: number | undefined;
  /**
   * Bytes held for all peers together: what waits for links, what peers announce and are interested
   * in, and what has arrived of their messages. 256 MiB; at least 1 MiB.
   */
  memory?: number | undefined;
  /** Reports that wait for one subscription: 65,536. */
  subscriptionReports?: number | undefined;
  /** Bytes of content that wait for one subscription: 32 MiB. */
  subscriptionBytes?: number | undefined;
  /**
   * Requests running in one service: 2,048; more are answered `overloaded`. One caller may have as
   * many as it leaves to others: half of them, if it is alone.
   */
  runningRequests?: number | undefined;
  /** Requests pending over one link, each direction by itself: 8,192. */
  pendingRequests?: number | undefined;
  /** Services of this registry: 1,024. */
  services?: number | undefined;
  /** Bytes of names, audiences, groups and methods of all services of this registry: 1 MiB. */
  announcedBytes?: number | undefined;
  /**
   * Interests of this registry: 4,096. One whose pattern has wildcards within counts as 4, with a
   * `?` between two `*` as 64.
   */
  interests?: number | undefined;
  /** Kept values of this registry: 10,000. */
  keptValues?: number | undefined;
  /** Bytes of content of all kept values: 32 MiB. */
  keptBytes?: number | undefined;
  /** Links of this registry: 1,024. */
  links?: number | undefined;
  /** Of those, accepted from one host or user: 768, and at most three quarters of `links`. */
  linksPerSource?: number | undefined;
  /** Accepted connections in their handshake, of each listening socket: 64. */
  handshakes?: number | undefined;
}

export const DEFAULT_PAYLOAD: number = 1 << 20;
const MAX_PAYLOAD = 64 << 20;
const MIN_MEMORY = 1 << 20;
const NAMES: ReadonlySet<string> = new Set<keyof Limits>([
  "payload",
  "outbox",
  "memory",
  "subscriptionReports",
  "subscriptionBytes",
  "runningRequests",
  "pendingRequests",
  "services",
  "announcedBytes",
  "interests",
  "keptValues",
  "keptBytes",
  "links",
  "linksPerSource",
  "handshakes",
]);

/** Checks limits; only those given are in the result. */
export function parseLimits(limits: Limits = {}): Record<string, number> {
  const parsed: Record<string, number> = {};
  for (const [name, value] of Object.entries(limits)) {
    if (!NAMES.has(name)) throw new RangeError(`there is no limit ${JSON.stringify(name)}`);
    if (value === undefined) continue;
    parsed[name] = count(value, `limits.${name}`);
  }
  if ((parsed.payload ?? 0) > MAX_PAYLOAD) {
    throw new RangeError(`limits.payload must be at most ${MAX_PAYLOAD} bytes`);
  }
  if ((parsed.memory ?? MIN_MEMORY) < MIN_MEMORY) {
    throw new RangeError(`limits.memory must be at least ${MIN_MEMORY} bytes`);
  }
  return parsed;
}
