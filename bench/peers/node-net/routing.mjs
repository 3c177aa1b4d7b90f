import {
  DONE,
  FAILED,
  frameOf,
  nameOf,
  PUBLISH,
  REQUEST,
  RESPONSE,
  SERVE,
  SUBSCRIBE,
} from "./frames.mjs";

/** @typedef {{ number: number, send: (frame: Buffer) => void }} Client */

/** A hub without its sockets: who serves and who subscribes, by name. */
export function createHub() {
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

  return {
    /**
     * A new connection.
     * @param {(frame: Buffer) => void} send
     */
    join(send) {
      lastNumber += 1;
      const client = { number: lastNumber, send };
      clients.set(client.number, client);
      return {
        take: (/** @type {Buffer} */ frame) => take(client, frame),
        leave() {
          clients.delete(client.number);
          for (const set of subscribers.values()) set.delete(client);
          for (const [name, serving] of servers) if (serving === client) servers.delete(name);
        },
      };
    },
  };
}
