import { checkerOf, contentOf } from "../content.mjs";
import { percentile } from "../statistics.mjs";

/**
 * @param {import("../types.js").Peer} peer
 * @param {{ place: import("../types.js").Place, bytes: number }} options
 */
export async function start(peer, { place, bytes }) {
  const requester = await peer.requester?.(place, {});
  if (requester === undefined) throw new Error("has no requester");
  const content = contentOf(bytes);
  const check = checkerOf(bytes);
  let running = false;
  let replies = 0;
  /** @type {Promise<void>[]} */
  let lanes = [];

  const lane = async () => {
    while (running) {
      check(await requester.request(content));
      replies += 1;
    }
  };

  return {
    /** One request at a time; microseconds. */
    async latency({ warmUp = 0, count = 0 }) {
      for (let index = 0; index < warmUp; index++) check(await requester.request(content));
      const times = new Float64Array(count);
      for (let index = 0; index < count; index++) {
        const before = performance.now();
        const reply = await requester.request(content);
        times[index] = (performance.now() - before) * 1000;
        check(reply);
      }
      times.sort();
      return {
        p50: percentile(times, 0.5),
        p99: percentile(times, 0.99),
        p999: percentile(times, 0.999),
      };
    },
    /** Keeps `inFlight` requests under way until `stop`. */
    load({ inFlight = 1 }) {
      running = true;
      lanes = Array.from({ length: inFlight }, lane);
      // A failure is told by `stop`; until then it must not end the process.
      for (const promise of lanes) promise.catch(() => {});
    },
    mark: () => ({ count: replies, at: performance.now() }),
    async stop() {
      running = false;
      await Promise.all(lanes);
    },
  };
}
