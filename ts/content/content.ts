// What applications pass as content, and the bytes it travels as. The hub never looks inside.

import { EncodingError, NetsvcError } from "../errors.js";
import { decode } from "./decoder.js";
import { Encoder, tooLarge } from "./encoder.js";

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

const shared = new Encoder();
let busy = false;

/**
 * Encodes a value: a Uint8Array as it is, everything else as CBOR. Throws EncodingError (also when
 * a getter or an own type throws), or TooLargeError above `limit` bytes.
 */
export function encodeContent(value: unknown, limit: number): Encoded {
  if (value instanceof Uint8Array) {
    if (value.length > limit) throw tooLarge(limit);
    return { kind: KIND_BYTES, bytes: value };
  }
  // A getter or an own type's `encode` may publish: that must not write into the same buffer.
  const nested = busy;
  const encoder = nested ? new Encoder() : shared;
  busy = true;
  try {
    return { kind: KIND_CBOR, bytes: encoder.encode(value, limit) };
  } catch (error) {
    if (error instanceof NetsvcError) throw error;
    throw new EncodingError("content could not be read", { cause: error });
  } finally {
    busy = nested;
  }
}

/** Arguments of a request. A single Uint8Array travels as it is; see `decodeArguments`. */
export function encodeArguments(args: readonly unknown[], limit: number): Encoded {
  const [only] = args;
  return encodeContent(args.length === 1 && only instanceof Uint8Array ? only : args, limit);
}

/** The value of received content. Throws EncodingError. */
export function decodeContent(kind: number, bytes: Uint8Array): unknown {
  switch (kind) {
    case KIND_BYTES:
      return bytes;
    case KIND_CBOR:
      return decode(bytes);
    case KIND_JSON:
      return json(bytes);
    default:
      throw new EncodingError(`content of unknown type ${kind}`);
  }
}

/** The arguments that received content stands for. Throws EncodingError. */
export function decodeArguments(kind: number, bytes: Uint8Array): unknown[] {
  if (kind === KIND_BYTES) return [bytes];
  const args = decodeContent(kind, bytes);
  if (!Array.isArray(args)) throw new EncodingError("arguments are not an array");
  return args;
}

function json(bytes: Uint8Array): unknown {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    // An own key __proto__ would change a prototype in the first careless copy of the object.
    return JSON.parse(text, (key, value: unknown) => {
      if (key === "__proto__") throw new EncodingError("malformed content: a key __proto__");
      return value;
    });
  } catch (error) {
    if (error instanceof EncodingError) throw error;
    throw new EncodingError("malformed content: not JSON", { cause: error });
  }
}
