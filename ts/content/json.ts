// Content that peers write as JSON (RFC 8259). It is bound as CBOR is: JSON.parse enters short text
// into V8's table of strings, which finds it by the hashes that bounds.ts tells of, and knows no
// depth.

import { EncodingError } from "../errors.js";
import { checkDepth, checkKey, Tally } from "./bounds.js";

const QUOTE = 0x22;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
/** Ten digits, each as an escape sequence. */
const INDEX_BYTES = 60;

/** The value of JSON text in UTF-8. Throws EncodingError. */
export function decodeJson(bytes: Uint8Array): unknown {
  checkBounds(bytes);
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

/** Up to where it stops being JSON, it sees what JSON.parse sees; the rest is of no interest. */
function checkBounds(bytes: Uint8Array): void {
  const tally = new Tally(bytes.length);
  let depth = 0;
  let numbers = 0;
  for (let at = 0; at < bytes.length; at++) {
    switch (bytes[at]) {
      case 0x5b: // [
      case 0x7b: // {
        checkDepth(depth++);
        tally.object();
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth -= 1;
        break;
      case QUOTE: {
        const start = at + 1;
        at = endOfString(bytes, start);
        // A key that is an index is no text to V8, and is found by a hash with a seed.
        if (isKey(bytes, at + 1)) checkKey(at - start);
        else if (mayBeIndex(bytes, start, at)) numbers = tally.number(numbers);
      }
    }
  }
}

/** Where the quote at the end of a string is. */
function endOfString(bytes: Uint8Array, start: number): number {
  let at = start;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}

/** Whether a colon follows. */
function isKey(bytes: Uint8Array, start: number): boolean {
  let at = start;
  while ((bytes[at] ?? QUOTE) <= 0x20) at += 1;
  return bytes[at] === COLON;
}

/** Whether a string is a few digits alone, which may be escaped. */
function mayBeIndex(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > INDEX_BYTES) return false;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    const digit = byte >= 0x30 && byte <= 0x39;
    if (!digit && byte !== BACKSLASH && byte !== 0x75) return false;
  }
  return end > start;
}
