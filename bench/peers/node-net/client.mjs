import {
  contentOf,
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

/** Milliseconds between attempts to connect. */
const RETRY = 1000;

/**
 * Opens one connection and tells what becomes of it.
 * @typedef {(told: {
 *   connected: (send: (frame: Buffer) => void) => void,
 *   take: (frame: Buffer) => void,
 *   closed: () => void,
 * }) => void} Open
 */

/**
 * A client that connects anew when it lost the hub. Requests under way then fail.
 * @param {Open} open
 * @param {number} [retry] milliseconds
 */
export async function connect(open, retry = RETRY) {
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
    const attempt = () =>
      open({
        connected(sendFrame) {
          send = sendFrame;
          for (const name of handlers.keys()) ask(SERVE, name).catch(() => {});
          for (const name of subscriptions.keys()) ask(SUBSCRIBE, name).catch(() => {});
          resolve();
        },
        take,
        closed() {
          send = undefined;
          for (const { reject } of pending.values()) reject(new Error("connection lost"));
          pending.clear();
          setTimeout(attempt, retry);
        },
      });
    attempt();
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
