import { checkerOf } from "../content.mjs";

/**
 * Some subscribers, each with a connection of its own; says how far the slowest is every `step`
 * messages.
 * @param {import("../types.js").Peer} peer
 * @param {{
 *   place: import("../types.js").Place,
 *   bytes: number,
 *   connections?: number,
 *   patterns?: number,
 *   step: number,
 * }} options
 * @param {(message: object) => void} say
 */
export async function start(peer, { place, bytes, connections = 1, patterns = 1, step }, say) {
  const counts = new Array(connections).fill(0);
  let told = 0;
  /** @type {unknown} */
  let wrong;

  /** @param {number} index */
  const subscribe = (index) => {
    const check = checkerOf(bytes);
    const take = (/** @type {Uint8Array} */ content) => {
      try {
        check(content);
      } catch (error) {
        wrong ??= error;
      }
      counts[index] += 1;
      if (counts[index] % step === 0) progress();
    };
    return peer.subscriber?.(place, take, { patterns });
  };
  const progress = () => {
    const slowest = Math.min(...counts);
    if (slowest < told + step) return;
    told = slowest;
    say({ received: told });
  };

  /** @type {Array<import("../types.js").Subscriber | undefined>} */
  const subscribers = [];
  for (let index = 0; index < connections; index++) subscribers.push(await subscribe(index));

  return {
    mark: () => ({ count: counts.reduce((sum, count) => sum + count, 0), at: performance.now() }),
    /**
     * Waits until everybody has `sent` messages; throws if that does not happen, or one was wrong.
     */
    async settle({ sent = 0 }) {
      const end = performance.now() + 15_000;
      while (counts.some((count) => count < sent) && performance.now() < end) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      if (wrong !== undefined) throw wrong;
      const missed = subscribers.reduce((sum, subscriber) => sum + (subscriber?.missed() ?? 0), 0);
      if (missed !== 0) throw new Error(`${missed} messages missed`);
      const other = counts.find((count) => count !== sent);
      if (other !== undefined) throw new Error(`${other} messages arrived of ${sent}`);
    },
  };
}
