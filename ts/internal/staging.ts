// Commands that need no answer at once are packed here and cross the border together: at the end
// of the turn, at 64 KiB, or before any synchronous native call, so that order is kept.
// Layout: one operation byte, fixed fields little-endian, then the variable parts; no padding.

const OP_REQUEST = 1;
const OP_RESPOND = 3;
const OP_PUBLISH = 4;
const OP_GRANT = 5;
const OP_GRANT_WATCH = 6;
const OP_PART = 7;
const OP_GRANT_PARTS = 8;

/** Bit of a request's flags. */
const FLAG_WAIT = 1;

/** Also the size from which on a burst no longer waits for the end of its turn. */
const CAPACITY = 64 << 10;
/** Ticks, unlike microtasks, run after all continuations of a turn, so that a burst stays one. */
const { nextTick } = process;

/** How a call ends, as the border numbers it. */
export const STATUS_RESPONSE = 0;
export const STATUS_FAILURE = 1;
export const STATUS_ERROR = 2;

/** How a request is made. */
export interface RequestHow {
  readonly timeoutMs: number;
  /** Waits for a provider. */
  readonly wait: boolean;
  /** Parts of a streamed result that are taken at first; 0: no stream is wanted. */
  readonly parts: number;
}

/** Packs the commands of one registry. */
export class Staging {
  readonly #submit: (bytes: Uint8Array, length: number) => number;
  #buffer: Buffer | undefined;
  #at = 0;
  #scheduled = false;
  #queued = 0;

  /** `submit` runs packed commands and returns the queued bytes of the fullest outbox. */
  constructor(submit: (bytes: Uint8Array, length: number) => number) {
    this.#submit = submit;
  }

  /** Queued bytes of the fullest outbox when commands last crossed, plus what waits here. */
  get queued(): number {
    return this.#queued + this.#at;
  }

  request(
    key: number,
    how: RequestHow,
    target: { kind: number; text: string },
    method: string,
    contentKind: number,
    content: Uint8Array,
  ): void {
    const methodLength = Buffer.byteLength(method);
    const targetLength = Buffer.byteLength(target.text);
    const buffer = this.#reserve(24 + methodLength + targetLength + content.length);
    let at = this.#at;
    at = buffer.writeUInt8(OP_REQUEST, at);
    at = buffer.writeUInt32LE(key, at);
    at = buffer.writeUInt32LE(how.timeoutMs, at);
    at = buffer.writeUInt32LE(how.parts, at);
    at = buffer.writeUInt8(how.wait ? FLAG_WAIT : 0, at);
    at = buffer.writeUInt8(target.kind, at);
    at = buffer.writeUInt8(contentKind, at);
    at = buffer.writeUInt16LE(methodLength, at);
    at = buffer.writeUInt16LE(targetLength, at);
    at = buffer.writeUInt32LE(content.length, at);
    at += buffer.write(method, at);
    at += buffer.write(target.text, at);
    this.#finish(buffer, content, at);
  }

  respond(
    call: { low: number; high: number },
    status: number,
    contentKind: number,
    content: Uint8Array,
  ): void {
    const buffer = this.#reserve(15 + content.length);
    let at = this.#at;
    at = buffer.writeUInt8(OP_RESPOND, at);
    at = buffer.writeUInt32LE(call.low, at);
    at = buffer.writeUInt32LE(call.high, at);
    at = buffer.writeUInt8(status, at);
    at = buffer.writeUInt8(contentKind, at);
    at = buffer.writeUInt32LE(content.length, at);
    this.#finish(buffer, content, at);
  }

  /** A part of a streamed result, for which there must be credit. */
  part(call: { low: number; high: number }, contentKind: number, content: Uint8Array): void {
    const buffer = this.#reserve(14 + content.length);
    let at = this.#at;
    at = buffer.writeUInt8(OP_PART, at);
    at = buffer.writeUInt32LE(call.low, at);
    at = buffer.writeUInt32LE(call.high, at);
    at = buffer.writeUInt8(contentKind, at);
    at = buffer.writeUInt32LE(content.length, at);
    this.#finish(buffer, content, at);
  }

  publish(service: number, subject: string, contentKind: number, content: Uint8Array): void {
    const subjectLength = Buffer.byteLength(subject);
    const buffer = this.#reserve(12 + subjectLength + content.length);
    let at = this.#at;
    at = buffer.writeUInt8(OP_PUBLISH, at);
    at = buffer.writeUInt32LE(service, at);
    at = buffer.writeUInt8(contentKind, at);
    at = buffer.writeUInt16LE(subjectLength, at);
    at = buffer.writeUInt32LE(content.length, at);
    at += buffer.write(subject, at);
    this.#finish(buffer, content, at);
  }

  grant(subscription: number, reports: number): void {
    this.#pair(OP_GRANT, subscription, reports);
  }

  grantWatch(watch: number, changes: number): void {
    this.#pair(OP_GRANT_WATCH, watch, changes);
  }

  grantParts(key: number, parts: number): void {
    this.#pair(OP_GRANT_PARTS, key, parts);
  }

  /** Hands over what was packed. */
  flush(): void {
    if (this.#at === 0 || this.#buffer === undefined) return;
    const length = this.#at;
    // Empty before the call: should it throw, the commands are not repeated.
    this.#at = 0;
    this.#queued = this.#submit(this.#buffer, length);
  }

  #pair(op: number, first: number, second: number): void {
    const buffer = this.#reserve(9);
    buffer[this.#at] = op;
    this.#at = buffer.writeUInt32LE(second, buffer.writeUInt32LE(first, this.#at + 1));
    this.#schedule();
  }

  /** A buffer with that much room behind `#at`: the shared one, or one for a single large command. */
  #reserve(bytes: number): Buffer {
    if (this.#at + bytes > CAPACITY) this.flush();
    if (bytes > CAPACITY) return Buffer.allocUnsafeSlow(bytes);
    this.#buffer ??= Buffer.allocUnsafeSlow(CAPACITY);
    return this.#buffer;
  }

  #finish(buffer: Buffer, content: Uint8Array, at: number): void {
    buffer.set(content, at);
    if (buffer === this.#buffer) {
      this.#at = at + content.length;
      this.#schedule();
    } else {
      this.#queued = this.#submit(buffer, at + content.length);
    }
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    nextTick(flushScheduled, this);
  }

  /** The scheduled flush; internal. */
  static run(staging: Staging): void {
    staging.#scheduled = false;
    staging.flush();
  }
}

const flushScheduled = Staging.run;
