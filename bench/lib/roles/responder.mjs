/**
 * @param {import("../types.js").Peer} peer
 * @param {{ place: import("../types.js").Place, fast?: boolean }} options
 */
export async function start(peer, { place, fast = false }) {
  await peer.responder?.(place, { fast });
}
