/** Connections that are made at the same time. */
const AT_ONCE = 20;

/**
 * Connected clients that do nothing; none: what a role process costs by itself.
 * @param {import("../types.js").Peer} peer
 * @param {{ place: import("../types.js").Place, connections: number }} options
 */
export async function start(peer, { place, connections }) {
  for (let made = 0; made < connections; made += AT_ONCE) {
    const count = Math.min(AT_ONCE, connections - made);
    await Promise.all(Array.from({ length: count }, () => peer.idle?.(place)));
  }
}
