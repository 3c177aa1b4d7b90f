import { checkerOf, contentOf } from "../content.mjs";

/** A probe is given up, and the next one sent, after that many milliseconds. */
const PROBE_MS = 50;
const PAUSE_MS = 5;

/**
 * Many clients in one process that find out when requests are answered again.
 * @param {import("../types.js").Peer} peer
 * @param {{ place: import("../types.js").Place, clients: number, fast: boolean }} options
 */
export async function start(peer, { place, clients, fast }) {
  const content = contentOf(128);
  const requesters = await Promise.all(
    Array.from({ length: clients }, async () => {
      const requester = await peer.requester?.(place, { fast });
      if (requester === undefined) throw new Error("has no requester");
      checkerOf(128)(await requester.request(content));
      return requester;
    }),
  );
  /** @type {Promise<number[]> | undefined} */
  let answered;

  /** @param {import("../types.js").Requester} requester */
  const answeredAt = async (requester) => {
    for (;;) {
      const reply = requester.request(content).catch(() => undefined);
      const result = await Promise.race([reply, sleep(PROBE_MS)]);
      if (result !== undefined) {
        checkerOf(128)(result);
        return Number(process.hrtime.bigint());
      }
      await sleep(PAUSE_MS);
    }
  };

  return {
    /** The hub is down: whatever is answered from now on is answered by the next. */
    probe() {
      answered = Promise.all(requesters.map(answeredAt));
      answered.catch(() => {});
    },
    /** When each client had its first answer, in nanoseconds of the common clock. */
    answered: () => answered,
  };
}

/**
 * @param {number} milliseconds
 * @returns {Promise<undefined>}
 */
function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), milliseconds));
}
