/**
 * @param {import("../types.js").Peer} peer
 * @param {{ place: import("../types.js").Place, limits: import("../types.js").Limits }} options
 */
export async function start(peer, { place, limits }) {
  await peer.hub?.(place, limits);
  const listening = process.hrtime.bigint();
  // When it began to listen, on the clock that all processes of a machine share, in nanoseconds.
  return { listening: () => Number(listening) };
}
