/**
 * @param {import("../types.js").Peer} peer
 * @param {{
 *   place: import("../types.js").Place,
 *   count: number,
 *   limits?: import("../types.js").Limits,
 * }} options
 */
export async function start(peer, { place, count, limits = {} }) {
  await peer.announcer?.(place, count, limits);
}
