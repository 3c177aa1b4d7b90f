import { connect as openSocket } from "node:net";
import {
  DONE,
  FAILED,
  HEAD,
  PUBLISH,
  REQUEST,
  RESPONSE,
  SERVE,
  SUBSCRIBE,
} from "../node-net/frames.mjs";
import { hasName, putU32, readsOf, u32 } from "./wire.mjs";

/** Frames are gathered in buffers of this size, and leave in one write. */
const STAGING = 64 << 10;
/** Content from this size on is written from where it is. */
const LARGE = 16 << 10;
/** Milliseconds between attempts to connect. */
const RETRY = 1000;
const NOTHING = new Uint8Array();

/**
 * @param {number} port
 * @param {number} [retry] milliseconds
 */
export async function connect(port, retry = RETRY) {
  /**
   * By slot, which is the id of the request.
   * @type {Array<{ resolve: (content: any) => void, reject: (error: Error) => void } | undefined>}
   */
  const slots = [];
  /** @type {number[]} */
  const free = [];
  /** @type {Array<{ name: Uint8Array, handler: (content: Uint8Array) => Uint8Array }>} */
  const handlers = [];
  /** @type {Array<{ name: Uint8Array, listener: (content: Uint8Array) => void }>} */
  const subscriptions = [];
  /** @type {import("node:net").Socket | undefined} */
  let socket;

  /** Buffers that no write is using. @type {Buffer[]} */
  const spare = [];
  /** @type {Buffer} */
  let staging = Buffer.allocUnsafeSlow(STAGING);
  let staged = 0;
  let scheduled = false;

  const flush = () => {
    scheduled = false;
    if (staged === 0) return;
    const buffer = staging;
    const length = staged;
    staged = 0;
    staging = spare.pop() ?? Buffer.allocUnsafeSlow(STAGING);
    if (socket === undefined) {
      spare.push(buffer);
      return;
    }
    socket.write(length === STAGING ? buffer : buffer.subarray(0, length), () =>
      spare.push(buffer),
    );
  };

  /**
   * @param {number} kind
   * @param {number} client
   * @param {number} id
   * @param {Uint8Array} name
   * @param {Uint8Array} content
   */
  const send = (kind, client, id, name, content) => {
    const isLarge = content.length >= LARGE;
    const length = HEAD + name.length + (isLarge ? 0 : content.length);
    if (STAGING - staged < length) flush();
    const at = staged;
    putU32(staging, at, HEAD + name.length + content.length - 4);
    staging[at + 4] = kind;
    putU32(staging, at + 5, client);
    putU32(staging, at + 9, id);
    staging[at + 13] = name.length;
    for (let index = 0; index < name.length; index++) {
      staging[at + HEAD + index] = /** @type {number} */ (name[index]);
    }
    if (!isLarge) staging.set(content, at + HEAD + name.length);
    staged = at + length;
    if (isLarge) {
      socket?.cork();
      flush();
      socket?.write(content);
      socket?.uncork();
    } else if (!scheduled) {
      scheduled = true;
      process.nextTick(flush);
    }
  };

  /**
   * @param {number} kind
   * @param {Uint8Array} name
   * @param {Uint8Array} content
   * @returns {Promise<Uint8Array>}
   */
  const ask = (kind, name, content) =>
    new Promise((resolve, reject) => {
      if (socket === undefined) {
        reject(new Error("not connected"));
        return;
      }
      const slot = free.pop() ?? slots.length;
      slots[slot] = { resolve, reject };
      send(kind, 0, slot, name, content);
    });

  /**
   * @param {Buffer} bytes
   * @param {number} start
   * @param {number} end
   */
  const take = (bytes, start, end) => {
    for (let at = start; at < end; ) {
      const length = 4 + u32(bytes, at);
      const from = at + HEAD + /** @type {number} */ (bytes[at + 13]);
      const content = new Uint8Array(bytes.buffer, bytes.byteOffset + from, at + length - from);
      switch (bytes[at + 4]) {
        case PUBLISH:
          for (const { name, listener } of subscriptions) {
            if (hasName(bytes, at, name)) listener(content);
          }
          break;
        case REQUEST:
          for (const { name, handler } of handlers) {
            if (!hasName(bytes, at, name)) continue;
            send(RESPONSE, u32(bytes, at + 5), u32(bytes, at + 9), NOTHING, handler(content));
            break;
          }
          break;
        case RESPONSE:
        case DONE:
        case FAILED: {
          const slot = u32(bytes, at + 9);
          const request = slots[slot];
          if (request === undefined) break;
          slots[slot] = undefined;
          free.push(slot);
          if (bytes[at + 4] === FAILED) request.reject(new Error("nobody serves this"));
          else request.resolve(content);
          break;
        }
      }
      at += length;
    }
  };

  /** @type {Promise<void>} */
  const connected = new Promise((resolve) => {
    const open = () => {
      const opened = openSocket({ port, host: "127.0.0.1", noDelay: true });
      opened.on("connect", () => {
        socket = opened;
        for (const { name } of handlers) ask(SERVE, name, NOTHING).catch(() => {});
        for (const { name } of subscriptions) ask(SUBSCRIBE, name, NOTHING).catch(() => {});
        resolve();
      });
      opened.on("data", readsOf(take));
      opened.on("error", () => {}); // "close" follows
      opened.on("close", () => {
        socket = undefined;
        slots.forEach((request, slot) => {
          if (request === undefined) return;
          slots[slot] = undefined;
          free.push(slot);
          request.reject(new Error("connection lost"));
        });
        setTimeout(open, retry);
      });
    };
    open();
  });
  await connected;

  return {
    /**
     * A way to ask whoever serves this name.
     * @param {string} name
     * @returns {(content: Uint8Array) => Promise<Uint8Array>}
     */
    requester(name) {
      const bytes = Buffer.from(name, "latin1");
      return (content) => ask(REQUEST, bytes, content);
    },
    /**
     * A way to publish under this name. Large content is not copied: it must not be changed.
     * @param {string} name
     * @returns {(content: Uint8Array) => void}
     */
    publisher(name) {
      const bytes = Buffer.from(name, "latin1");
      return (content) => send(PUBLISH, 0, 0, bytes, content);
    },
    /**
     * @param {string} name
     * @param {(content: Uint8Array) => Uint8Array} handler
     */
    async serve(name, handler) {
      const entry = { name: Buffer.from(name, "latin1"), handler };
      handlers.push(entry);
      await ask(SERVE, entry.name, NOTHING);
    },
    /**
     * @param {string} name
     * @param {(content: Uint8Array) => void} listener
     */
    async subscribe(name, listener) {
      const entry = { name: Buffer.from(name, "latin1"), listener };
      subscriptions.push(entry);
      await ask(SUBSCRIBE, entry.name, NOTHING);
    },
  };
}
