// The addon as the tests of the border use it: commands written and deliveries read by hand, so
// that of ts/ nothing but its loader takes part. Plain JavaScript, because programs that tests
// start import it too.

import { createRequire } from "node:module";
import { stretched } from "../helpers/time.mjs";

// Not by `await import`: see fixtures/traffic.mjs.
const loader = createRequire(import.meta.url)("../../dist/internal/netsvc.js");
/** @type {typeof import("../../native/binding.cjs")} */
const addon = loader.loadNative();

export const { Environment, NativeRegistry } = addon;
/** @typedef {InstanceType<typeof Environment>} Environment */
/** @typedef {InstanceType<typeof NativeRegistry>} NativeRegistry */

/** Whether the event loop is to be used; as with `ts/`, NETSVC_IO decides. */
export const onLoop = process.env.NETSVC_IO !== "thread";

/** @typedef {{ kind: string, [field: string]: unknown }} Delivery */

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Slots of strings, as they were told to one registry. */
export class Slots {
  /** @type {Map<string, number>} */
  #slots = new Map();

  /**
   * The slot of a string, and whether it is new.
   * @param {string} text
   * @returns {[slot: number, added: boolean]}
   */
  of(text) {
    const known = this.#slots.get(text);
    if (known !== undefined) return [known, false];
    const slot = this.#slots.size;
    this.#slots.set(text, slot);
    return [slot, true];
  }
}

/**
 * Writes packed commands. Defines the strings that they name, in slots of its own from 0 on, so
 * that it may be submitted to any registry; or those that `slots` does not know yet.
 */
export class Commands {
  bytes = new Uint8Array(4096);
  length = 0;
  /** @type {Slots} */
  #slots;

  constructor(slots = new Slots()) {
    this.#slots = slots;
  }

  /**
   * @param {number} key
   * @param {string} target
   * @param {string} method
   * @param {Uint8Array} content
   * @param {{ kind?: number, contentKind?: number, timeout?: number, wait?: boolean,
   *   parts?: number, extensions?: Uint8Array }} options `kind` of target: 0 name, 1 identity
   */
  request(key, target, method, content, options = {}) {
    const { kind = 0, contentKind = 0, timeout = 5000, wait = false, parts = 0 } = options;
    const [t, m] = [this.string(target), this.string(method)];
    const flags = (wait ? 1 : 0) | (kind << 1);
    const first = 1 | (contentKind << 8) | (flags << 16) | extended(options.extensions);
    this.#words(first, key, timeout, parts, t, m, content.length).put(content);
    return this.#extend(options.extensions);
  }

  /**
   * The slot of a string, defined if it is new.
   * @param {string} text
   */
  string(text) {
    const [slot, added] = this.#slots.of(text);
    if (added) this.define(slot, encoder.encode(text));
    return slot;
  }

  /**
   * @param {number} slot
   * @param {Uint8Array} text
   */
  define(slot, text) {
    return this.#words(2, slot, text.length).put(text);
  }

  /**
   * @param {bigint} call
   * @param {number} status
   * @param {Uint8Array} content
   * @param {number} kind
   * @param {Uint8Array} [extensions]
   */
  respond(call, status, content, kind = 0, extensions) {
    this.#call(3 | (kind << 8) | (status << 16) | extended(extensions), call, content);
    return this.#extend(extensions);
  }

  /**
   * @param {number} service
   * @param {string} subject
   * @param {Uint8Array} content
   * @param {Uint8Array} [extensions]
   */
  publish(service, subject, content, extensions) {
    return this.publishSlot(service, this.string(subject), content, extensions);
  }

  /**
   * @param {number} service
   * @param {number} slot
   * @param {Uint8Array} content
   * @param {Uint8Array} [extensions]
   */
  publishSlot(service, slot, content, extensions) {
    this.#words(4 | extended(extensions), service, slot, content.length).put(content);
    return this.#extend(extensions);
  }

  /**
   * @param {number} service
   * @param {string} subject
   * @param {Uint8Array} content
   * @param {Uint8Array} [extensions]
   */
  publishText(service, subject, content, extensions) {
    const s = encoder.encode(subject);
    this.#words(9 | extended(extensions), service, s.length, content.length)
      .put(s)
      .put(content);
    return this.#extend(extensions);
  }

  /**
   * @param {number} subscription
   * @param {number} reports
   */
  grant(subscription, reports) {
    return this.#words(5, subscription, reports);
  }

  /**
   * @param {bigint} call
   * @param {Uint8Array} content
   */
  part(call, content) {
    return this.#call(7, call, content);
  }

  /**
   * @param {number} key
   * @param {number} parts
   */
  grantParts(key, parts) {
    return this.#words(8, key, parts);
  }

  /**
   * Bytes, filled up to whole words.
   * @param {Uint8Array} bytes
   */
  put(bytes) {
    const words = Math.ceil(bytes.length / 4);
    this.#reserve(4 * words);
    this.bytes.set(bytes, this.length);
    this.length += 4 * words;
    return this;
  }

  /**
   * @param {number} first
   * @param {bigint} call
   * @param {Uint8Array} content
   */
  #call(first, call, content) {
    const [low, high] = [Number(call & 0xffff_ffffn), Number(call >> 32n)];
    return this.#words(first, low, high, content.length).put(content);
  }

  /** @param {Uint8Array | undefined} extensions */
  #extend(extensions) {
    if (extensions === undefined) return this;
    return this.#words(extensions.length).put(extensions);
  }

  /** @param {number[]} values */
  #words(...values) {
    return this.put(new Uint8Array(Uint32Array.from(values).buffer));
  }

  /** @param {number} more */
  #reserve(more) {
    if (this.length + more <= this.bytes.length) return;
    const larger = new Uint8Array(2 * (this.length + more));
    larger.set(this.bytes);
    this.bytes = larger;
  }
}

/** In the first word of a command: extension fields follow. */
function extended(/** @type {Uint8Array | undefined} */ extensions) {
  return extensions === undefined ? 0 : 1 << 24;
}

/** Reads deliveries; remembers strings and services as their definitions come. */
export class Reader {
  /** @type {Map<number, string>} */
  strings = new Map();
  /** @type {Map<number, { identity: string, name: string }>} */
  services = new Map();

  /**
   * @param {Uint32Array} words
   * @param {Uint8Array} chunk
   * @returns {Delivery[]}
   */
  read(words, chunk) {
    const deliveries = [];
    const end = words[0] ?? 0;
    let at = 3;
    const next = () => {
      if (at >= end) throw new Error(`a delivery exceeds the ${end} words used`);
      return words[at++] ?? 0;
    };
    const long = () => BigInt(next()) | (BigInt(next()) << 32n);
    const bytes = () => {
      const [offset, length] = [next(), next()];
      if (offset + length > chunk.length) throw new Error("a span exceeds the chunk");
      return chunk.subarray(offset, offset + length);
    };
    const behind = (/** @type {Uint8Array} */ content, /** @type {number} */ length) => {
      const start = content.byteOffset - chunk.byteOffset + content.length;
      if (start + length > chunk.length) throw new Error("extension fields exceed the chunk");
      return chunk.subarray(start, start + length);
    };
    /** A content, and the extension fields behind it. */
    const body = () => {
      const word = next();
      const content = bytes();
      return { contentKind: word & 0xff, content, extensions: behind(content, word >>> 8) };
    };
    const string = () => {
      const slot = next();
      const text = this.strings.get(slot);
      if (text === undefined) throw new Error(`slot ${slot} is used before it is defined`);
      return text;
    };
    const texts = () => texts16(bytes());
    while (at < end) {
      const kind = next();
      switch (kind) {
        case 1:
          this.strings.set(next(), decoder.decode(bytes()));
          break;
        case 14: {
          const no = next();
          const [identity = "", name = ""] = texts();
          this.services.set(no, { identity, name });
          break;
        }
        case 15:
          this.services.delete(next());
          break;
        case 2: {
          const [subscription, no] = [next(), next()];
          const service = this.services.get(no);
          if (service === undefined) throw new Error(`service ${no} is named before it is told`);
          const [subject, sequence, flags, missed] = [string(), long(), next(), next()];
          const report = { subscription, no, service, subject, sequence, flags, missed };
          deliveries.push({ kind: "report", ...report, ...body() });
          break;
        }
        case 3: {
          const [call, no, method, remaining] = [long(), next(), string(), next()];
          const parts = next();
          const [caller, label] = [string(), string()];
          const told = { call, no, method, remaining, parts, caller, label };
          deliveries.push({ kind: "invoke", ...told, ...body() });
          break;
        }
        case 4:
          deliveries.push({ kind: "abort", call: long(), reason: next() });
          break;
        case 5: {
          const [key, status, word, delivered, content] = [next(), next(), next(), next(), bytes()];
          const [how, extensions] = [word & 0xff, behind(content, word >>> 8)];
          deliveries.push({ kind: "outcome", key, status, how, delivered, content, extensions });
          break;
        }
        case 6: {
          const [watch, status, revision, flags] = [next(), next(), long(), next()];
          const slot = next();
          const group = slot === 0xffff_ffff ? "" : this.strings.get(slot);
          const [counter, name] = [next(), decoder.decode(bytes())];
          const start = next();
          const common = start === 0xffff_ffff ? undefined : chunk.subarray(start);
          const service = { counter, name, common };
          deliveries.push({ kind: "change", watch, status, revision, flags, group, service });
          break;
        }
        case 7: {
          const what = ["active", "inactive", "attemptFailed", "closed", "authorise"][next()];
          const [exchange, link, attempt] = [next(), next(), next()];
          const [reason, retryIn] = [next(), next()];
          const [process, label, address, message] = texts();
          const event = { what, exchange, link, attempt, reason, retryIn };
          deliveries.push({ kind: "link", ...event, process, label, address, message });
          break;
        }
        case 8:
          deliveries.push({ kind: "exchangeClosed", exchange: next() });
          break;
        case 9:
          deliveries.push({ kind: "flushed", flush: next(), result: next() });
          break;
        case 10:
          deliveries.push({ kind: "processGone", process: string() });
          break;
        case 11:
          deliveries.push({ kind: "subscriber", no: next(), present: next(), texts: texts() });
          break;
        case 12:
          deliveries.push({ kind: "listening", token: next(), ok: next() === 1, texts: texts() });
          break;
        case 13:
          deliveries.push({ kind: "commandFailed", op: next(), count: next(), texts: texts() });
          break;
        case 16:
          deliveries.push({ kind: "part", key: next(), contentKind: next(), content: bytes() });
          break;
        case 17:
          deliveries.push({ kind: "credit", call: long(), parts: next() });
          break;
        default:
          throw new Error(`unknown kind of delivery: ${kind}`);
      }
    }
    return deliveries;
  }
}

/**
 * Strings after their u16 lengths.
 * @param {Uint8Array} bytes
 */
export function texts16(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const texts = [];
  for (let at = 0; at < bytes.length; ) {
    const length = view.getUint16(at, true);
    texts.push(decoder.decode(bytes.subarray(at + 2, at + 2 + length)));
    at += 2 + length;
  }
  return texts;
}

/** Not a Buffer, whose views are Buffers. @param {Uint8Array} bytes */
function plain({ buffer, byteOffset, length }) {
  return new Uint8Array(buffer, byteOffset, length);
}

/** An environment with registries whose deliveries are read as they come. */
export class Station {
  wakes = 0;
  /** @type {Set<Party>} */
  parties = new Set();
  environment = new Environment(() => {
    this.wakes += 1;
    for (const party of this.parties) party.drain();
  }, onLoop);

  /**
   * @param {string} label
   * @param {{ limits?: Record<string, number>, words?: number }} options
   */
  registry(label, { words = 4096, ...options } = {}) {
    const native = new NativeRegistry(this.environment, { label, ...options });
    const party = new Party(native, words);
    this.parties.add(party);
    return party;
  }
}

/** One registry and what was delivered to it. */
export class Party {
  /** @type {Delivery[]} */
  deliveries = [];
  /**
   * Sizes of the memory that came with batches, because what was lent did not do. @type {number[]}
   */
  owned = [];
  /** Lent for batches, and free from `at` on. */
  memory = new Uint8Array(32 << 10);
  at = 0;
  #reader = new Reader();
  /** @type {Set<() => void>} */
  #waiting = new Set();

  /**
   * @param {NativeRegistry} native
   * @param {number} words
   */
  constructor(native, words) {
    this.native = native;
    this.words = new Uint32Array(words);
  }

  /** Takes all that is there. */
  drain() {
    do this.drainOnce();
    while (this.words[1] === 1);
  }

  /** Takes one batch. */
  drainOnce() {
    if (this.memory.length - this.at < this.memory.length / 4) {
      this.memory = new Uint8Array(this.memory.length);
      this.at = 0;
    }
    const own = this.native.drain(this.words, this.memory, this.at);
    if (own !== null) this.owned.push(own.length);
    this.deliveries.push(...this.#reader.read(this.words, plain(own ?? this.memory)));
    if (own === null) this.at = this.words[2] ?? 0;
    for (const check of this.#waiting) check();
  }

  /** @param {Commands} commands */
  submit(commands) {
    return this.native.submit(commands.bytes, commands.length);
  }

  /**
   * The first delivery of a kind that fits, delivered already or later; removed.
   * @param {string} kind
   * @param {(delivery: Delivery) => boolean} fits
   * @returns {Promise<Delivery>}
   */
  next(kind, fits = () => true) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(check);
        const seen = this.deliveries.map((delivery) => delivery.kind).join(", ");
        reject(new Error(`no ${kind} in time; instead: ${seen || "nothing"}`));
      }, stretched(15_000));
      const check = () => {
        const fitting = (/** @type {Delivery} */ one) => one.kind === kind && fits(one);
        const index = this.deliveries.findIndex(fitting);
        if (index < 0) return;
        this.#waiting.delete(check);
        clearTimeout(timer);
        const [delivery] = this.deliveries.splice(index, 1);
        if (delivery !== undefined) resolve(delivery);
      };
      this.#waiting.add(check);
      check();
    });
  }
}

/** @param {string} text */
export function bytes(text) {
  return encoder.encode(text);
}

/** @param {unknown} content */
export function text(content) {
  return decoder.decode(/** @type {Uint8Array} */ (content));
}

/**
 * Makes `party` a server at a free port of 127.0.0.1.
 * @param {Party} party
 * @param {string} group
 * @param {boolean} authorise
 */
export async function serve(party, group = "", authorise = false) {
  const exchange = party.native.createExchange(1, group, 5000, 15000, authorise);
  party.native.listen(exchange, { port: 0, hosts: ["127.0.0.1"] }, 1);
  const listening = await party.next("listening");
  const [address = ""] = /** @type {string[]} */ (listening.texts);
  if (!listening.ok) throw new Error(`cannot listen: ${address}`);
  return { exchange, port: Number(address.split(" ")[1]) };
}

/**
 * Links `party` to a server.
 * @param {Party} party
 * @param {number} port
 * @param {string} group
 */
export async function join(party, port, group = "") {
  const exchange = party.native.createExchange(0, group, 5000, 15000, false);
  const link = party.native.connect(exchange, { host: "127.0.0.1", port, retry: 0.1 });
  await party.next("link", (delivery) => delivery.what === "active");
  return { exchange, link };
}
