// CBOR decoder (RFC 8949) for bytes that anybody may have written. Whatever they are, it ends in
// a value or an EncodingError, in time and memory proportional to their number (see bounds.ts), and
// never with a view outside of them or a prototype changed.

import { EncodingError, NetsvcError } from "../errors.js";
import { checkDepth, checkKey, MAX_BIGNUM, Tally } from "./bounds.js";
import {
  TAG_DATE,
  TAG_MAP,
  TAG_NEGATIVE_BIGNUM,
  TAG_POSITIVE_BIGNUM,
  TAG_SET,
  typeOfTag,
} from "./tags.js";
import { isTypedArrayTag, typedArray } from "./typed-arrays.js";

/** Longest string read byte by byte; above, a call into the runtime is faster. */
const SHORT_STRING = 24;
/** Farthest from 1970 that a Date reaches, in seconds. */
const MAX_DATE = 8.64e12;
/** Largest array made at its length; an array that grows has 17 places from its first item on. */
const SHORT_ARRAY = 32;
const BREAK: unique symbol = Symbol("break");

/** Decodes exactly one value; byte strings in it are views of `bytes`, not copies. */
export function decode(bytes: Uint8Array): unknown {
  return new Decoder(bytes).decode();
}

class Decoder {
  readonly #bytes: Buffer;
  readonly #tally: Tally;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#tally = new Tally(bytes.length);
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  decode(): unknown {
    const value = this.#value(0);
    if (value === BREAK) throw malformed("a break outside of anything");
    if (this.#at !== this.#bytes.length) throw malformed("bytes after its end");
    return value;
  }

  /** The next value, or BREAK. */
  #value(depth: number): unknown {
    const first = this.#byte();
    const info = first & 0x1f;
    switch (first >> 5) {
      case 0:
        return this.#argument(info);
      case 1:
        return this.#negative(info);
      case 2:
        return info === 31 ? this.#chunkedBytes() : this.#span(this.#length(info, 1));
      case 3:
        return info === 31 ? this.#chunkedText() : this.#text(this.#length(info, 1));
      case 4:
        return this.#array(info, depth);
      case 5:
        return this.#map(info, depth, false);
      case 6:
        return this.#tagged(this.#argument(info), depth);
      default:
        return this.#simple(info);
    }
  }

  /** A value where a break has no place. */
  #item(depth: number): unknown {
    const value = this.#value(depth);
    if (value === BREAK) throw malformed("a break in place of a value");
    return value;
  }

  #array(info: number, depth: number): unknown[] {
    this.#enter(depth);
    if (info === 31) {
      const items: unknown[] = [];
      for (let item = this.#value(depth + 1); item !== BREAK; item = this.#value(depth + 1)) {
        items.push(item);
      }
      return items;
    }
    const count = this.#length(info, 1);
    if (count <= SHORT_ARRAY) {
      const items = new Array<unknown>(count);
      for (let index = 0; index < count; index++) items[index] = this.#item(depth + 1);
      return items;
    }
    const items: unknown[] = [];
    for (let index = 0; index < count; index++) items.push(this.#item(depth + 1));
    return items;
  }

  /** A plain object while all keys are strings, else a Map; tag 259 asks for a Map. */
  #map(info: number, depth: number, wanted: boolean): object {
    this.#enter(depth);
    const count = info === 31 ? Number.POSITIVE_INFINITY : this.#length(info, 2);
    const object: Record<string, unknown> = {};
    let map: Map<unknown, unknown> | undefined = wanted ? new Map() : undefined;
    let numbers = 0;
    for (let index = 0; index < count; index++) {
      const key = this.#value(depth + 1);
      if (key === BREAK && info === 31) break;
      if (key === BREAK) throw malformed("a break in place of a key");
      if (map === undefined && typeof key === "string") {
        checkKey(key.length);
        // The only key whose assignment to a plain object does something else than to store.
        if (key === "__proto__") throw malformed("a key __proto__");
        if (Object.hasOwn(object, key)) throw malformed("a map with two equal keys");
        object[key] = this.#item(depth + 1);
        continue;
      }
      if (map === undefined) {
        map = new Map();
        for (const [text, item] of Object.entries(object)) {
          numbers = this.#tally.key(text, numbers);
          map.set(text, item);
        }
      }
      numbers = this.#tally.key(key, numbers);
      map.set(key, this.#item(depth + 1));
      if (map.size !== index + 1) throw malformed("a map with two equal keys");
    }
    return map ?? object;
  }

  #tagged(tag: number | bigint, depth: number): unknown {
    switch (tag) {
      case TAG_DATE:
        return this.#date();
      case TAG_POSITIVE_BIGNUM:
        return this.#bignum();
      case TAG_NEGATIVE_BIGNUM:
        return -1n - this.#bignum();
      case TAG_SET:
        return this.#set(depth);
      case TAG_MAP: {
        const first = this.#byte();
        if (first >> 5 !== 5) throw malformed("tag 259 on something else than a map");
        return this.#map(first & 0x1f, depth, true);
      }
    }
    if (isTypedArrayTag(tag)) return this.#typedArray(tag);
    const own = typeof tag === "number" ? typeOfTag(tag) : undefined;
    if (own === undefined) throw malformed(`tag ${tag}, which is not registered here`);
    this.#enter(depth);
    const content = this.#item(depth + 1);
    try {
      return own.decode(content);
    } catch (error) {
      if (error instanceof NetsvcError) throw error;
      throw new EncodingError(`content with tag ${tag} cannot be decoded`, { cause: error });
    }
  }

  #set(depth: number): Set<unknown> {
    const first = this.#byte();
    if (first >> 5 !== 4) throw malformed("tag 258 on something else than an array");
    const items = this.#array(first & 0x1f, depth);
    let numbers = 0;
    for (const item of items) numbers = this.#tally.key(item, numbers);
    const set = new Set(items);
    if (set.size !== items.length) throw malformed("a set with equal elements");
    return set;
  }

  #typedArray(tag: number): object {
    // And once more for its bytes: it has memory of its own.
    this.#tally.object();
    const first = this.#byte();
    if (first >> 5 !== 2) throw malformed(`tag ${tag} on something else than bytes`);
    const info = first & 0x1f;
    const bytes = info === 31 ? this.#chunkedBytes() : this.#span(this.#length(info, 1));
    let array: object | undefined;
    try {
      array = typedArray(tag, bytes);
    } catch (cause) {
      const text = `malformed content: a typed array (tag ${tag}) of ${bytes.length} bytes`;
      throw new EncodingError(text, { cause });
    }
    if (array === undefined) throw malformed(`tag ${tag}, for which there is no typed array here`);
    return array;
  }

  #date(): Date {
    this.#tally.object();
    const first = this.#byte();
    let seconds: unknown;
    if (first >> 5 === 0) seconds = this.#argument(first & 0x1f);
    else if (first >> 5 === 1) seconds = this.#negative(first & 0x1f);
    else if (first >> 5 === 7) seconds = this.#simple(first & 0x1f);
    if (typeof seconds !== "number" || !(Math.abs(seconds) <= MAX_DATE)) {
      throw malformed("tag 1 on something else than a time");
    }
    // Far from 1970 the product as a whole would round to a neighbouring millisecond.
    const whole = Math.trunc(seconds);
    return new Date(whole * 1000 + Math.round((seconds - whole) * 1000));
  }

  #bignum(): bigint {
    const first = this.#byte();
    if (first >> 5 !== 2) throw malformed("a bignum without bytes");
    const length = this.#length(first & 0x1f, 1);
    if (length > MAX_BIGNUM) throw malformed(`a bignum of more than ${MAX_BIGNUM} bytes`);
    if (length === 0) return 0n;
    const at = this.#skip(length);
    return BigInt(`0x${this.#bytes.toString("hex", at, at + length)}`);
  }

  #negative(info: number): number | bigint {
    const argument = this.#argument(info);
    // -1 - (2^53 - 1) is no safe integer any more.
    if (typeof argument === "bigint" || argument === Number.MAX_SAFE_INTEGER) {
      return -1n - BigInt(argument);
    }
    return -1 - argument;
  }

  #simple(info: number): unknown {
    switch (info) {
      case 20:
        return false;
      case 21:
        return true;
      case 22:
        return null;
      case 23:
        return undefined;
      case 25:
        return half(this.#bytes.readUInt16BE(this.#skip(2)));
      case 26:
        return this.#bytes.readFloatBE(this.#skip(4));
      case 27:
        return this.#bytes.readDoubleBE(this.#skip(8));
      case 31:
        return BREAK;
      default:
        throw malformed("an unassigned simple value");
    }
  }

  /** The argument of a head; a bigint only beyond the safe integers. */
  #argument(info: number): number | bigint {
    if (info < 24) return info;
    switch (info) {
      case 24:
        return this.#byte();
      case 25:
        return this.#bytes.readUInt16BE(this.#skip(2));
      case 26:
        return this.#bytes.readUInt32BE(this.#skip(4));
      case 27: {
        const at = this.#skip(8);
        const high = this.#bytes.readUInt32BE(at);
        // 2^53 - 1 has 21 bits in its upper half.
        return high > 0x1f_ffff
          ? this.#bytes.readBigUInt64BE(at)
          : high * 0x1_0000_0000 + this.#bytes.readUInt32BE(at + 4);
      }
      default:
        throw malformed("a reserved length");
    }
  }

  /** A count of items that take at least `least` bytes each: refused when they cannot be there. */
  #length(info: number, least: number): number {
    const length = this.#argument(info);
    if (typeof length === "bigint" || length * least > this.#bytes.length - this.#at) {
      throw malformed("a length beyond its end");
    }
    return length;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw malformed("an end in the middle");
    return byte;
  }

  /** Passes over `count` bytes that are there; returns where they began. */
  #skip(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.length) throw malformed("an end in the middle");
    this.#at = at + count;
    return at;
  }

  /** An object that may hold others. */
  #enter(depth: number): void {
    checkDepth(depth);
    this.#tally.object();
  }

  #span(length: number): Uint8Array {
    this.#tally.object();
    const at = this.#skip(length);
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + at, length);
  }

  #text(length: number): string {
    const at = this.#skip(length);
    if (length <= SHORT_STRING) {
      let text = "";
      let index = at;
      for (; index < this.#at; index++) {
        const byte = this.#bytes[index] ?? 0xff;
        if (byte >= 0x80) break;
        text += String.fromCharCode(byte);
      }
      if (index === this.#at) return text;
    }
    return utf8(this.#bytes.subarray(at, this.#at));
  }

  /**
   * The chunks of a string of unknown length, up to a break: definite strings of its type. Empty
   * ones are left out.
   */
  #chunks<T>(major: number, read: (length: number) => T): T[] {
    const chunks: T[] = [];
    for (;;) {
      const first = this.#byte();
      if (first === 0xff) return chunks;
      if (first >> 5 !== major || first === ((major << 5) | 31)) {
        throw malformed("a string made of something else than strings");
      }
      const length = this.#length(first & 0x1f, 1);
      if (length > 0) chunks.push(read(length));
    }
  }

  #chunkedBytes(): Uint8Array {
    this.#tally.object();
    return new Uint8Array(Buffer.concat(this.#chunks(2, (length) => this.#span(length))));
  }

  #chunkedText(): string {
    return this.#chunks(3, (length) => this.#text(length)).join("");
  }
}

const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function utf8(bytes: Uint8Array): string {
  try {
    return utf8Decoder.decode(bytes);
  } catch (error) {
    throw new EncodingError("malformed content: text that is not UTF-8", { cause: error });
  }
}

function half(bits: number): number {
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (fraction + 1024) * 2 ** (exponent - 25);
}

function malformed(what: string): EncodingError {
  return new EncodingError(`malformed content: ${what}`);
}
