// Frames of the plain hub, numbers in big-endian order:
//   0  length of what follows   u32
//   4  kind                     u8
//   5  client                   u32   whom a response is for; the hub fills it in for a request
//   9  id of the request        u32
//  13  length of the name       u8
//  14  name, then content

export const SUBSCRIBE = 1;
export const SERVE = 2;
export const PUBLISH = 3;
export const REQUEST = 4;
export const RESPONSE = 5;
export const DONE = 6; // answers SUBSCRIBE and SERVE
export const FAILED = 7; // answers a REQUEST that nobody serves

export const HEAD = 14;
/** A frame that says to be longer than this ends the connection. */
const LONGEST = 64 << 20;
const NOTHING = new Uint8Array();

/**
 * @param {number} kind
 * @param {number} client
 * @param {number} id
 * @param {string} name
 * @param {Uint8Array} [content]
 */
export function frameOf(kind, client, id, name, content = NOTHING) {
  const frame = Buffer.allocUnsafe(HEAD + name.length + content.length);
  frame.writeUInt32BE(frame.length - 4, 0);
  frame[4] = kind;
  frame.writeUInt32BE(client, 5);
  frame.writeUInt32BE(id, 9);
  frame[13] = name.length;
  frame.write(name, HEAD, "latin1");
  frame.set(content, HEAD + name.length);
  return frame;
}

/** @param {Buffer} frame */
export const nameOf = (frame) =>
  frame.toString("latin1", HEAD, HEAD + /** @type {number} */ (frame[13]));

/** @param {Buffer} frame */
export const contentOf = (frame) => frame.subarray(HEAD + /** @type {number} */ (frame[13]));

/**
 * Cuts a stream into frames; each is a view of what was read unless reads cut it.
 * @param {(frame: Buffer) => void} take
 * @returns {(chunk: Buffer) => void}
 */
export function framesOf(take) {
  /** Reads that belong to one frame, and how many bytes they are. @type {Buffer[]} */
  let parts = [];
  let held = 0;
  let wanted = 4;

  return (chunk) => {
    let read = chunk;
    if (held > 0) {
      parts.push(chunk);
      held += chunk.length;
      if (held < wanted) return;
      read = Buffer.concat(parts, held);
      parts = [];
      held = 0;
    }
    let start = 0;
    wanted = 4;
    while (read.length - start >= 4) {
      const length = 4 + read.readUInt32BE(start);
      if (length < HEAD || length > LONGEST) throw new RangeError(`a frame of ${length} bytes`);
      if (read.length - start < length) {
        wanted = length;
        break;
      }
      take(read.subarray(start, start + length));
      start += length;
    }
    if (start < read.length) {
      parts = [start === 0 ? read : read.subarray(start)];
      held = read.length - start;
    }
  };
}

/**
 * Lets a socket send in one go what is written within one turn.
 * @param {import("node:net").Socket} socket
 * @returns {(frame: Buffer) => void}
 */
export function corked(socket) {
  let isCorked = false;
  const uncork = () => {
    isCorked = false;
    socket.uncork();
  };
  return (frame) => {
    if (!isCorked) {
      isCorked = true;
      socket.cork();
      process.nextTick(uncork);
    }
    socket.write(frame);
  };
}
