// What applications pass as content, and the bytes it travels as. The hub never looks inside.

import { types } from "node:util";
import { EncodingError, NetsvcError } from "../errors.js";
import { checkArguments } from "./bounds.js";
import { decode } from "./decoder.js";
import { checkAttached, Encoder, tooLarge } from "./encoder.js";
import { decodeJson } from "./json.js";

/** Content types of the wire. */
export const KIND_BYTES = 0;
export const KIND_CBOR = 1;
export const KIND_JSON = 2;

/** Content as it travels. */
export interface Encoded {
  readonly kind: number;
  /** Valid until the next `encodeContent`: copy or send it before. */
  readonly bytes: Uint8Array;
}

/** UTF-16 units of a path in an error. */
const MAX_PATH = 200;

const shared = new Encoder();
let busy = false;

/**
 * Encodes a value: a Uint8Array as it is, everything else as CBOR. Throws EncodingError (also when
 * a getter or an own type throws), which says where: within `root`, if that has a name; or
 * TooLargeError above `limit` bytes.
 */
export function encodeContent(value: unknown, limit: number, root = ""): Encoded {
  if (types.isUint8Array(value)) return encodeBytes(value, limit);
  // A getter or an own type's `encode` may publish: that must not write into the same buffer.
  const nested = busy;
  const encoder = nested ? new Encoder() : shared;
  busy = true;
  try {
    return { kind: KIND_CBOR, bytes: encoder.encode(value, limit) };
  } catch (error) {
    throw readError(error, root + encoder.path);
  } finally {
    busy = nested;
  }
}

function encodeBytes(bytes: Uint8Array, limit: number): Encoded {
  try {
    if (bytes.length > limit) throw tooLarge(limit);
    checkAttached(bytes);
    return { kind: KIND_BYTES, bytes };
  } catch (error) {
    throw readError(error); // a subclass may have a length of its own
  }
}

/** What encoding ends in: an error of ours, or else something of the application threw. */
function readError(error: unknown, path = ""): unknown {
  const where = cut(path.startsWith(".") ? path.slice(1) : path);
  if (error instanceof EncodingError) return where === "" ? error : located(error, where);
  if (error instanceof NetsvcError) return error;
  return located(new EncodingError("content could not be read", { cause: error }), where);
}

function located({ message, cause }: EncodingError, path: string): EncodingError {
  const from = cause === undefined ? {} : { cause };
  if (path === "") return new EncodingError(message, from);
  return new EncodingError(`${message}, at ${path}`, { ...from, path });
}

/** Long ones have little to say in their middle. */
function cut(path: string): string {
  if (path.length <= MAX_PATH) return path;
  return `${path.slice(0, MAX_PATH / 2)}…${path.slice(-MAX_PATH / 2)}`.toWellFormed();
}

/**
 * The same bytes where no other thread writes: the native side takes memory for its own while it
 * reads. What is packed here is copied by JavaScript, which may.
 */
export function unshared(bytes: Uint8Array): Uint8Array {
  return types.isSharedArrayBuffer(bytes.buffer) ? new Uint8Array(bytes) : bytes;
}

/** Arguments of a request. A single Uint8Array travels as it is; see `decodeArguments`. */
export function encodeArguments(args: readonly unknown[], limit: number): Encoded {
  checkArguments(args);
  const [only] = args;
  const content = args.length === 1 && types.isUint8Array(only) ? only : args;
  return encodeContent(content, limit, content === args ? "arguments" : "");
}

/** The value of received content. Throws EncodingError. */
export function decodeContent(kind: number, bytes: Uint8Array): unknown {
  switch (kind) {
    case KIND_BYTES:
      return bytes;
    case KIND_CBOR:
      return decode(bytes);
    case KIND_JSON:
      return decodeJson(bytes);
    default:
      throw new EncodingError(`content of unknown type ${kind}`);
  }
}

/** The arguments that received content stands for. Throws EncodingError. */
export function decodeArguments(kind: number, bytes: Uint8Array): unknown[] {
  if (kind === KIND_BYTES) return [bytes];
  const args = decodeContent(kind, bytes);
  if (!Array.isArray(args)) throw new EncodingError("arguments are not an array");
  checkArguments(args);
  return args;
}
