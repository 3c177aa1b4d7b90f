// The same frames as node-net's, read and written in place.

import { HEAD } from "../node-net/frames.mjs";

/**
 * @param {Uint8Array} bytes
 * @param {number} at
 */
export function u32(bytes, at) {
  const byte = (/** @type {number} */ index) => /** @type {number} */ (bytes[at + index]);
  return ((byte(0) << 24) | (byte(1) << 16) | (byte(2) << 8) | byte(3)) >>> 0;
}

/**
 * @param {Uint8Array} bytes
 * @param {number} at
 * @param {number} value
 */
export function putU32(bytes, at, value) {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/**
 * Whether the frame at `at` has this name.
 * @param {Uint8Array} bytes
 * @param {number} at
 * @param {Uint8Array} name
 */
export function hasName(bytes, at, name) {
  if (bytes[at + HEAD - 1] !== name.length) return false;
  const start = at + HEAD;
  for (let index = 0; index < name.length; index++) {
    if (bytes[start + index] !== name[index]) return false;
  }
  return true;
}

/** A frame's head with the longest name. */
const LONGEST_HEAD = HEAD + 255;

/**
 * Cuts a stream into reads of whole frames: `take(bytes, start, end)` gets frames back to back. A
 * frame that reads have cut comes alone and joined, or, if there is `takeParts` and the first part
 * holds the head, as it was read.
 * @param {(bytes: Buffer, start: number, end: number) => void} take
 * @param {(parts: readonly Buffer[]) => void} [takeParts]
 * @returns {(chunk: Buffer) => void}
 */
export function readsOf(take, takeParts) {
  /** What was read of a frame that is not whole. @type {Buffer[]} */
  let parts = [];
  let held = 0;
  /** Length of that frame; 4 until its length field is whole. */
  let wanted = 4;

  const flush = () => {
    const whole = parts;
    parts = [];
    held = 0;
    const head = whole[0]?.length ?? 0;
    if (takeParts !== undefined && head >= LONGEST_HEAD) takeParts(whole);
    else take(Buffer.concat(whole, wanted), 0, wanted);
    wanted = 4;
  };

  return (chunk) => {
    let start = 0;
    while (held > 0) {
      const end = Math.min(chunk.length, start + wanted - held);
      parts.push(chunk.subarray(start, end));
      held += end - start;
      start = end;
      if (held < wanted) return;
      if (wanted > 4) {
        flush();
      } else {
        const length = Buffer.concat(parts, 4);
        parts = [length];
        wanted += u32(length, 0);
      }
    }
    let end = start;
    while (chunk.length - end >= 4) {
      const length = 4 + u32(chunk, end);
      if (chunk.length - end < length) {
        wanted = length;
        break;
      }
      end += length;
    }
    if (end > start) take(chunk, start, end);
    if (end === chunk.length) return;
    parts = [chunk.subarray(end)];
    held = chunk.length - end;
  };
}
