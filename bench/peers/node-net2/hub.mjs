import { createServer } from "node:net";
import {
  DONE,
  FAILED,
  frameOf,
  HEAD,
  PUBLISH,
  REQUEST,
  RESPONSE,
  SERVE,
  SUBSCRIBE,
} from "../node-net/frames.mjs";
import { hasName, putU32, readsOf, u32 } from "./wire.mjs";

/** @typedef {{ number: number, socket: import("node:net").Socket }} Client */

/** @type {readonly Client[]} */
const NOBODY = [];

/**
 * The hub: neighbouring frames for the same receivers are passed on as one piece of what was read.
 * @param {number} port
 */
export async function listen(port) {
  /** @type {Map<string, Client[]>} */
  const servers = new Map();
  /** @type {Map<string, Client[]>} */
  const subscribers = new Map();
  /** @type {Map<number, Client[]>} */
  const clients = new Map();
  let lastNumber = 0;

  /** @param {Client} client */
  const receiversFor = (client) => {
    // What was looked up last: the next frame is mostly for the same.
    let lastName = Buffer.alloc(0);
    let lastKind = 0;
    let lastReceivers = NOBODY;

    /**
     * @param {Buffer} bytes
     * @param {number} at
     * @returns {readonly Client[]}
     */
    return (bytes, at) => {
      const kind = /** @type {number} */ (bytes[at + 4]);
      if (kind === RESPONSE) return clients.get(u32(bytes, at + 5)) ?? NOBODY;
      if (kind === REQUEST) putU32(bytes, at + 5, client.number);
      if (kind === lastKind && hasName(bytes, at, lastName)) return lastReceivers;
      const nameEnd = at + HEAD + /** @type {number} */ (bytes[at + HEAD - 1]);
      const name = bytes.toString("latin1", at + HEAD, nameEnd);
      const receivers = (kind === PUBLISH ? subscribers : servers).get(name);
      if (receivers === undefined) {
        if (kind === REQUEST) client.socket.write(frameOf(FAILED, 0, u32(bytes, at + 9), ""));
        return NOBODY;
      }
      lastName = Buffer.from(name, "latin1");
      lastKind = kind;
      lastReceivers = receivers;
      return receivers;
    };
  };

  /**
   * @param {Client} client
   * @param {Buffer} bytes
   * @param {number} at
   */
  const enter = (client, bytes, at) => {
    const nameEnd = at + HEAD + /** @type {number} */ (bytes[at + HEAD - 1]);
    const name = bytes.toString("latin1", at + HEAD, nameEnd);
    const table = bytes[at + 4] === SERVE ? servers : subscribers;
    const entry = table.get(name);
    // The arrays are kept for ever: others remember them.
    if (entry === undefined) table.set(name, [client]);
    else if (table === servers) entry.splice(0, entry.length, client);
    else entry.push(client);
    client.socket.write(frameOf(DONE, 0, u32(bytes, at + 9), ""));
  };

  const server = createServer({ noDelay: true }, (socket) => {
    lastNumber += 1;
    const client = { number: lastNumber, socket };
    clients.set(client.number, [client]);
    const receiversOf = receiversFor(client);

    socket.on(
      "data",
      readsOf(
        (bytes, start, end) => {
          let run = start;
          let receivers = NOBODY;
          for (let at = start; at < end; at += 4 + u32(bytes, at)) {
            const kind = bytes[at + 4];
            const isControl = kind === SUBSCRIBE || kind === SERVE;
            const next = isControl ? NOBODY : receiversOf(bytes, at);
            if (next !== receivers) {
              if (at > run) send(receivers, bytes.subarray(run, at));
              run = at;
              receivers = next;
            }
            if (isControl) enter(client, bytes, at);
          }
          if (end > run)
            send(receivers, run === 0 && end === bytes.length ? bytes : bytes.subarray(run, end));
        },
        (parts) => {
          const [first] = parts;
          if (first === undefined) return;
          // Frames of other kinds are too short to come in parts.
          const receivers = receiversOf(first, 0);
          for (const part of parts) send(receivers, part);
        },
      ),
    );
    socket.on("error", () => {}); // "close" follows
    socket.on("close", () => {
      clients.delete(client.number);
      for (const table of [servers, subscribers]) {
        for (const entry of table.values()) {
          const index = entry.indexOf(client);
          if (index >= 0) entry.splice(index, 1);
        }
      }
    });
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(undefined)));
}

/** @type {Set<import("node:net").Socket>} */
const corked = new Set();

/**
 * @param {readonly Client[]} receivers
 * @param {Buffer} bytes
 */
function send(receivers, bytes) {
  for (const { socket } of receivers) {
    if (!corked.has(socket)) {
      if (corked.size === 0) process.nextTick(uncork);
      corked.add(socket);
      socket.cork();
    }
    socket.write(bytes);
  }
}

function uncork() {
  for (const socket of corked) socket.uncork();
  corked.clear();
}
