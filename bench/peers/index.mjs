/**
 * Peers by name, and the file each is in, in the order of tables. The first is what all are
 * compared with.
 */
const FILES = {
  "node-net": "./node-net.mjs",
  "node-net2": "./node-net2.mjs",
  "node-net-unix": "./node-net.mjs",
  netsvc: "./netsvc.mjs",
  "netsvc-thread": "./netsvc.mjs",
  "netsvc-tcp": "./netsvc.mjs",
  "netsvc-unix": "./netsvc.mjs",
  nats: "./nats.mjs",
  "nats-notrace": "./nats.mjs",
  mosquitto: "./mosquitto.mjs",
  ws: "./ws.mjs",
  zeromq: "./zeromq.mjs",
  limit: "./relay.mjs",
  "limit-unix": "./relay.mjs",
  "netsvc-iterate": "./netsvc.mjs",
  "netsvc-signal": "./netsvc.mjs",
};

/** All names, in the order of tables. */
export const PEER_NAMES = Object.keys(FILES);

/** Ways to use netsvc that take part only where they are the question. */
export const SPECIAL_PEERS = ["netsvc-iterate", "netsvc-signal"];

/**
 * Loads one peer and nothing of the others.
 * @param {string} name
 * @returns {Promise<import("../lib/types.js").Peer>}
 */
export async function loadPeer(name) {
  const file = /** @type {Record<string, string>} */ (FILES)[name];
  if (file === undefined) throw new Error(`no peer ${name}`);
  const { peers } = await import(file);
  return peers[name];
}
