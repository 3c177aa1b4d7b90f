import { createServer } from "node:net";
import {
  corked,
  DONE,
  FAILED,
  frameOf,
  framesOf,
  nameOf,
  PUBLISH,
  REQUEST,
  RESPONSE,
  SERVE,
  SUBSCRIBE,
} from "./frames.mjs";

/** @typedef {{ number: number, send: (frame: Buffer) => void }} Client */

/**
 * The hub: who serves and who subscribes, by name.
 * @param {number} port
 */
export async function listen(port) {
  /** @type {Map<string, Client>} */
  const servers = new Map();
  /** @type {Map<string, Set<Client>>} */
  const subscribers = new Map();
  /** @type {Map<number, Client>} */
  const clients = new Map();
  let lastNumber = 0;

  /**
   * @param {Client} client
   * @param {Buffer} frame
   */
  const take = (client, frame) => {
    switch (frame[4]) {
      case PUBLISH:
        for (const subscriber of subscribers.get(nameOf(frame)) ?? []) subscriber.send(frame);
        break;
      case REQUEST: {
        const server = servers.get(nameOf(frame));
        if (server === undefined) {
          client.send(frameOf(FAILED, 0, frame.readUInt32BE(9), ""));
          break;
        }
        frame.writeUInt32BE(client.number, 5);
        server.send(frame);
        break;
      }
      case RESPONSE:
        clients.get(frame.readUInt32BE(5))?.send(frame);
        break;
      case SUBSCRIBE: {
        const name = nameOf(frame);
        const set = subscribers.get(name) ?? new Set();
        subscribers.set(name, set.add(client));
        client.send(frameOf(DONE, 0, frame.readUInt32BE(9), ""));
        break;
      }
      case SERVE:
        servers.set(nameOf(frame), client);
        client.send(frameOf(DONE, 0, frame.readUInt32BE(9), ""));
        break;
    }
  };

  const server = createServer({ noDelay: true }, (socket) => {
    lastNumber += 1;
    const client = { number: lastNumber, send: corked(socket) };
    clients.set(client.number, client);
    socket.on(
      "data",
      framesOf((frame) => take(client, frame)),
    );
    socket.on("error", () => {}); // "close" follows
    socket.on("close", () => {
      clients.delete(client.number);
      for (const set of subscribers.values()) set.delete(client);
      for (const [name, serving] of servers) if (serving === client) servers.delete(name);
    });
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(undefined)));
}
