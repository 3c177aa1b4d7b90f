// CBOR encoder (RFC 8949). Strict: what the other side would not get back as it was given is an
// error here, at the caller.
//
// Why not a library: cbor-x, the fast one, writes class instances as plain objects, recurses
// without a depth limit, keeps no -0, and its decoder accepts invalid UTF-8, duplicate keys and
// records of its own (compiled with `new Function`) whatever the options say; closing tags 2, 3,
// 27 and 51 there is process-wide for everybody who shares the copy.

import { types } from "node:util";
import { EncodingError, TooLargeError } from "../errors.js";
import { checkDepth, checkKey, MAX_BIGNUM, Tally } from "./bounds.js";
import {
  TAG_DATE,
  TAG_MAP,
  TAG_NEGATIVE_BIGNUM,
  TAG_POSITIVE_BIGNUM,
  TAG_SET,
  typeOfPrototype,
} from "./tags.js";
import { bytesOf, type TypedArray, tagOfTypedArray } from "./typed-arrays.js";

const INITIAL_BYTES = 4096;
/** A buffer grown beyond this by one large content is not kept for the next. */
const KEPT_BYTES = 256 << 10;
/** Longest string written unit by unit; above, a call into the runtime is faster. */
const SHORT_STRING = 48;
/** UTF-16 units of a key that an error shows. */
const SHOWN = 40;
/** Keys that follow a dot; others are in brackets and quotes. */
const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]{0,39}$/u;
const MAX_UINT64 = (1n << 64n) - 1n;

const UNSIGNED = 0;
const NEGATIVE = 1 << 5;
const BYTES = 2 << 5;
const TEXT = 3 << 5;
const ARRAY = 4 << 5;
const MAP = 5 << 5;
const TAG = 6 << 5;

const { getTime } = Date.prototype;

/** Encodes one value at a time into a buffer that it reuses. */
export class Encoder {
  #buffer: Buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  readonly #tally = new Tally();
  #at = 0;
  #limit = 0;
  #path = "";

  /** Where in the value the last `encode` failed, as JavaScript says it: `.devices[0].last`. */
  get path(): string {
    return this.#path;
  }

  /**
   * Encodes `value`. The result is a view that the next `encode` overwrites. Throws EncodingError,
   * or TooLargeError as soon as more than `limit` bytes are needed.
   */
  encode(value: unknown, limit: number): Uint8Array {
    if (this.#buffer.length > KEPT_BYTES) this.#buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
    this.#at = 0;
    this.#limit = limit;
    this.#path = "";
    this.#tally.begin();
    this.#value(value, 0);
    if (this.#at > limit) throw tooLarge(this.#limit);
    this.#tally.end(this.#at);
    return new Uint8Array(this.#buffer.buffer, this.#buffer.byteOffset, this.#at);
  }

  #value(value: unknown, depth: number): void {
    switch (typeof value) {
      case "string":
        this.#text(value);
        break;
      case "number":
        this.#number(value);
        break;
      case "boolean":
        this.#byte(value ? 0xf5 : 0xf4);
        break;
      case "undefined":
        this.#byte(0xf7);
        break;
      case "bigint":
        this.#bigint(value);
        break;
      case "object":
        if (value === null) this.#byte(0xf6);
        else this.#object(value, depth);
        break;
      default:
        throw new EncodingError(`a ${typeof value} cannot be content`);
    }
  }

  #object(value: object, depth: number): void {
    // Cycles end here too; no set of visited objects is kept.
    checkDepth(depth);
    this.#tally.object();
    if (Array.isArray(value)) {
      this.#array(value, depth);
      return;
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) {
      this.#plain(value, depth);
      return;
    }
    // By what it is, from here on: what another realm made is no instance of this one's classes.
    if (types.isUint8Array(value)) {
      this.#bytes(value);
      return;
    }
    const own = typeOfPrototype(prototype as object);
    if (own !== undefined) {
      this.#head(TAG, own.tag);
      this.#value(own.encode(value), depth + 1);
      return;
    }
    const typed = tagOfTypedArray(value);
    if (typed !== undefined) {
      this.#typedArray(typed, value as TypedArray);
    } else if (types.isMap(value)) {
      this.#head(TAG, TAG_MAP);
      this.#map(value, depth);
    } else if (types.isSet(value)) {
      this.#head(TAG, TAG_SET);
      this.#set(value, depth);
    } else if (types.isDate(value)) {
      this.#date(value);
    } else if (isObjectPrototype(prototype as object)) {
      this.#plain(value, depth);
    } else {
      throw new EncodingError(
        `an instance of ${value.constructor?.name || "a class"} cannot be content; ` +
          "make it a plain object or register the class with registerContentType",
      );
    }
  }

  #array(value: readonly unknown[], depth: number): void {
    // A getter in it may change it meanwhile; what was announced must follow.
    const { length } = value;
    this.#head(ARRAY, length);
    let index = 0;
    try {
      for (; index < length; index++) this.#value(value[index], depth + 1);
    } catch (error) {
      throw this.#failed(error, `[${index}]`);
    }
  }

  #map(value: ReadonlyMap<unknown, unknown>, depth: number): void {
    const entries = [...value];
    let numbers = 0;
    this.#head(MAP, entries.length);
    let current: unknown;
    try {
      for (const [key, item] of entries) {
        current = key;
        numbers = this.#tally.key(key, numbers);
        this.#value(key, depth + 1);
        this.#value(item, depth + 1);
      }
    } catch (error) {
      throw this.#failed(error, `.get(${shown(current)})`);
    }
  }

  #set(value: ReadonlySet<unknown>, depth: number): void {
    const items = [...value];
    let numbers = 0;
    for (const item of items) numbers = this.#tally.key(item, numbers);
    this.#array(items, depth);
  }

  #plain(value: object, depth: number): void {
    const keys = Object.keys(value);
    this.#head(MAP, keys.length);
    let current = "";
    try {
      for (const key of keys) {
        current = key;
        if (key === "__proto__") throw new EncodingError("a key __proto__ cannot be content");
        checkKey(key.length);
        this.#text(key);
        this.#value((value as Record<string, unknown>)[key], depth + 1);
      }
    } catch (error) {
      throw this.#failed(error, IDENTIFIER.test(current) ? `.${current}` : `[${shown(current)}]`);
    }
  }

  /** Notes on the way out what was being encoded: nothing is kept for values that can travel. */
  #failed(error: unknown, within: string): unknown {
    this.#path = within + this.#path;
    return error;
  }

  #number(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
      if (value >= 0) this.#head(UNSIGNED, value);
      else this.#head(NEGATIVE, -1 - value);
      return;
    }
    // Half the bytes wherever nothing is lost; NaN has one form.
    if (Object.is(Math.fround(value), value)) {
      this.#reserve(5);
      this.#buffer[this.#at] = 0xfa;
      this.#buffer.writeFloatBE(value, this.#at + 1);
      this.#at += 5;
      return;
    }
    this.#reserve(9);
    this.#buffer[this.#at] = 0xfb;
    this.#buffer.writeDoubleBE(value, this.#at + 1);
    this.#at += 9;
  }

  #bigint(value: bigint): void {
    const magnitude = value < 0n ? -1n - value : value;
    // Integers of 64 bits that no number can hold come back as bigint by themselves. Smaller ones
    // travel as bignum, which says that they are one.
    if (magnitude > BigInt(Number.MAX_SAFE_INTEGER) && magnitude <= MAX_UINT64) {
      this.#reserve(9);
      this.#buffer[this.#at] = (value < 0n ? NEGATIVE : UNSIGNED) | 27;
      this.#buffer.writeBigUInt64BE(magnitude, this.#at + 1);
      this.#at += 9;
      return;
    }
    if (magnitude >> BigInt(MAX_BIGNUM * 8) !== 0n) {
      throw new EncodingError(`a bigint of more than ${MAX_BIGNUM} bytes cannot be content`);
    }
    let hex = magnitude === 0n ? "" : magnitude.toString(16);
    if (hex.length % 2 === 1) hex = `0${hex}`;
    this.#head(TAG, value < 0n ? TAG_NEGATIVE_BIGNUM : TAG_POSITIVE_BIGNUM);
    this.#bytes(Buffer.from(hex, "hex"));
  }

  #date(value: Date): void {
    const time = getTime.call(value);
    if (Number.isNaN(time)) throw new EncodingError("an invalid Date cannot be content");
    this.#head(TAG, TAG_DATE);
    this.#number(time / 1000 + 0); // + 0: no -0 for dates just before 1970
  }

  #typedArray(tag: number, value: TypedArray): void {
    checkAttached(value);
    // Counts twice: for its memory, which becomes one of its own.
    this.#tally.object();
    this.#head(TAG, tag);
    this.#bytes(bytesOf(value));
  }

  #bytes(value: Uint8Array): void {
    checkAttached(value);
    // Read once: another thread may let shared memory grow.
    const { length } = value;
    this.#head(BYTES, length);
    this.#reserve(length);
    this.#buffer.set(value, this.#at);
    this.#at += length;
  }

  #text(value: string): void {
    const { length } = value;
    if (length <= SHORT_STRING && this.#ascii(value)) return;
    if (!value.isWellFormed()) {
      throw new EncodingError("a string with an unpaired surrogate cannot be content");
    }
    const bytes = Buffer.byteLength(value);
    this.#head(TEXT, bytes);
    this.#reserve(bytes);
    this.#buffer.write(value, this.#at, bytes, "utf8");
    this.#at += bytes;
  }

  /** Writes a short string if it is ASCII; else leaves no trace. */
  #ascii(value: string): boolean {
    const { length } = value;
    this.#reserve(length + 2);
    const buffer = this.#buffer;
    let at = this.#at;
    if (length < 24) buffer[at++] = TEXT | length;
    else {
      buffer[at++] = TEXT | 24;
      buffer[at++] = length;
    }
    for (let index = 0; index < length; index++) {
      const unit = value.charCodeAt(index);
      if (unit >= 0x80) return false;
      buffer[at++] = unit;
    }
    this.#at = at;
    return true;
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#buffer[this.#at++] = byte;
  }

  /** Major type with its argument, a safe integer from 0. */
  #head(major: number, argument: number): void {
    this.#reserve(9);
    const buffer = this.#buffer;
    if (argument < 24) {
      buffer[this.#at++] = major | argument;
    } else if (argument < 0x100) {
      buffer[this.#at++] = major | 24;
      buffer[this.#at++] = argument;
    } else if (argument < 0x1_0000) {
      buffer[this.#at] = major | 25;
      this.#at = buffer.writeUInt16BE(argument, this.#at + 1);
    } else if (argument < 0x1_0000_0000) {
      buffer[this.#at] = major | 26;
      this.#at = buffer.writeUInt32BE(argument, this.#at + 1);
    } else {
      buffer[this.#at] = major | 27;
      buffer.writeUInt32BE(Math.floor(argument / 0x1_0000_0000), this.#at + 1);
      this.#at = buffer.writeUInt32BE(argument % 0x1_0000_0000, this.#at + 5);
    }
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#buffer.length) return;
    // Shared references can unfold to far more than they take in memory: stop at the limit, which
    // `head` may overshoot by what it reserves ahead.
    if (this.#at > this.#limit || bytes > this.#limit + 16) throw tooLarge(this.#limit);
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(grown, 0, 0, this.#at);
    this.#buffer = grown;
  }
}

/** A key of a Map or object, for people. */
function shown(key: unknown): string {
  if (typeof key === "string") {
    return JSON.stringify(key.length > SHOWN ? `${key.slice(0, SHOWN)}…` : key);
  }
  return typeof key === "object" || typeof key === "function" ? "…" : String(key);
}

/** Whether that is the Object.prototype of another realm. */
function isObjectPrototype(prototype: object): boolean {
  return (
    Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "propertyIsEnumerable")
  );
}

/** The error of content that needs more than `limit` bytes. */
export function tooLarge(limit: number): TooLargeError {
  return new TooLargeError(
    `the content exceeds limits.payload of this process, which is ${limit} bytes`,
  );
}

/**
 * Throws if the memory of bytes is gone: their ArrayBuffer was transferred, or has become too small
 * for them. They look like none.
 */
export function checkAttached(bytes: { readonly length: number }): void {
  if (bytes.length > 0) return;
  try {
    Uint8Array.prototype.indexOf.call(bytes, 0);
  } catch (error) {
    throw new EncodingError("bytes whose ArrayBuffer was transferred or shrunk cannot be content", {
      cause: error,
    });
  }
}
