import { connect as openSocket } from "node:net";
import {
  contentOf,
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

/** Milliseconds between attempts to connect. */
const RETRY = 1000;

/**
 * A client that connects anew when it lost the hub. Requests under way then fail.
 * @param {number} port
 * @param {number} [retry] milliseconds
 */
export async function connect(port, retry = RETRY) {
  /** @type {Map<number, { resolve: (content: any) => void, reject: (error: Error) => void }>} */
  const pending = new Map();
  /** @type {Map<string, (content: Buffer) => Uint8Array>} */
  const handlers = new Map();
  /** @type {Map<string, (content: Buffer) => void>} */
  const subscriptions = new Map();
  let lastId = 0;
  /** @type {((frame: Buffer) => void) | undefined} */
  let send;

  /** @param {Buffer} frame */
  const take = (frame) => {
    switch (frame[4]) {
      case PUBLISH:
        subscriptions.get(nameOf(frame))?.(contentOf(frame));
        break;
      case REQUEST: {
        const name = nameOf(frame);
        const result = handlers.get(name)?.(contentOf(frame));
        send?.(frameOf(RESPONSE, frame.readUInt32BE(5), frame.readUInt32BE(9), name, result));
        break;
      }
      case RESPONSE:
      case DONE:
      case FAILED: {
        const id = frame.readUInt32BE(9);
        const request = pending.get(id);
        pending.delete(id);
        if (frame[4] === FAILED) request?.reject(new Error("nobody serves this"));
        else request?.resolve(contentOf(frame));
        break;
      }
    }
  };

  /**
   * @param {number} kind
   * @param {string} name
   * @param {Uint8Array} [content]
   * @returns {Promise<Uint8Array>}
   */
  const ask = (kind, name, content) =>
    new Promise((resolve, reject) => {
      if (send === undefined) {
        reject(new Error("not connected"));
        return;
      }
      lastId = (lastId + 1) >>> 0;
      pending.set(lastId, { resolve, reject });
      send(frameOf(kind, 0, lastId, name, content));
    });

  /** @type {Promise<void>} */
  const connected = new Promise((resolve) => {
    const open = () => {
      const socket = openSocket({ port, host: "127.0.0.1", noDelay: true });
      socket.on("connect", () => {
        send = corked(socket);
        for (const name of handlers.keys()) ask(SERVE, name).catch(() => {});
        for (const name of subscriptions.keys()) ask(SUBSCRIBE, name).catch(() => {});
        resolve();
      });
      socket.on("data", framesOf(take));
      socket.on("error", () => {}); // "close" follows
      socket.on("close", () => {
        send = undefined;
        for (const { reject } of pending.values()) reject(new Error("connection lost"));
        pending.clear();
        setTimeout(open, retry);
      });
    };
    open();
  });
  await connected;

  return {
    /**
     * @param {string} name
     * @param {Uint8Array} content
     */
    request: (name, content) => ask(REQUEST, name, content),
    /**
     * @param {string} name
     * @param {Uint8Array} content
     */
    publish: (name, content) => send?.(frameOf(PUBLISH, 0, 0, name, content)),
    /**
     * @param {string} name
     * @param {(content: Buffer) => Uint8Array} handler
     */
    async serve(name, handler) {
      handlers.set(name, handler);
      await ask(SERVE, name);
    },
    /**
     * @param {string} name
     * @param {(content: Buffer) => void} listener
     */
    async subscribe(name, listener) {
      subscriptions.set(name, listener);
      await ask(SUBSCRIBE, name);
    },
  };
}
