import { contentOf } from "../content.mjs";

/**
 * Published without giving sockets a turn: at most that many messages, or about that many bytes.
 */
const BURST_MESSAGES = 512;
const BURST_BYTES = 1 << 20;

/**
 * Publishes as fast as it is granted to: `{"grant":N}` allows N messages in all.
 * @param {import("../types.js").Peer} peer
 * @param {{ place: import("../types.js").Place, bytes: number }} options
 */
export async function start(peer, { place, bytes }) {
  const publisher = await peer.publisher?.(place);
  if (publisher === undefined) throw new Error("has no publisher");
  const content = contentOf(bytes);
  const burst = Math.max(1, Math.min(BURST_MESSAGES, Math.floor(BURST_BYTES / bytes)));
  let granted = 0;
  let sent = 0;
  let scheduled = false;
  let stopped = false;

  const pump = () => {
    scheduled = false;
    if (stopped) return;
    const end = Math.min(granted, sent + burst);
    while (sent < end) {
      publisher.publish(content);
      sent += 1;
    }
    schedule();
  };
  const schedule = () => {
    if (scheduled || sent === granted) return;
    scheduled = true;
    setImmediate(pump);
  };

  return {
    told({ grant = 0 }) {
      granted = grant;
      schedule();
    },
    /** Publishes no more; how many it has published. */
    stop() {
      stopped = true;
      return sent;
    },
  };
}
