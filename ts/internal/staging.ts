// Commands that need no answer at once are packed here and cross the border together: at the end
// of the turn, at 64 KiB, or before any synchronous native call, so that order is kept.
// Layout: 32-bit words in the machine's order. The first word of a command holds the operation in
// its lowest byte, then a content type, then flags or a status; fixed words follow, then at most
// one content or string, filled up to a whole word. Strings are named by slot.

import { Symbols } from "./symbols.js";

const OP_REQUEST = 1;
const OP_SYMBOL = 2;
const OP_RESPOND = 3;
const OP_PUBLISH = 4;
const OP_GRANT = 5;
const OP_GRANT_WATCH = 6;
const OP_PART = 7;
const OP_GRANT_PARTS = 8;

/** Where the content type is in a command's first word. */
const KIND = 8;
/** Where a request's flags and a response's status are. */
const FLAGS = 16;
/** Flags of a request. */
const FLAG_WAIT = 1;
const FLAG_IDENTITY = 2;

/** Also the size from which on a burst no longer waits for the end of its turn. */
const CAPACITY = 64 << 10;
const NOTHING = new ArrayBuffer(0);
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

/** Whom a request is for. */
export interface RequestTarget {
  /** 0 name, 1 identity. */
  readonly kind: number;
  readonly text: string;
}

/** Packs the commands of one registry. */
export class Staging {
  readonly #submit: (bytes: Uint8Array, length: number) => number;
  readonly #failed: (error: unknown) => void;
  readonly #symbols = new Symbols();
  /** The same memory as bytes and as words; empty until something is packed. */
  #bytes = new Uint8Array(NOTHING);
  #words = new Uint32Array(NOTHING);
  /** In bytes, as all positions; a multiple of four. */
  #at = 0;
  #scheduled = false;
  #queued = 0;

  /**
   * `submit` runs packed commands and returns the queued bytes of the fullest outbox. What it throws
   * goes to `failed`: at the end of a turn nobody could catch it.
   */
  constructor(
    submit: (bytes: Uint8Array, length: number) => number,
    failed: (error: unknown) => void,
  ) {
    this.#submit = submit;
    this.#failed = failed;
  }

  /** Queued bytes of the fullest outbox when commands last crossed, plus what waits here. */
  get queued(): number {
    return this.#queued + this.#at;
  }

  /**
   * The slot that stands for `text` in the next command, and until the next call of this. `hint`:
   * what this returned for it before, which spares looking it up.
   */
  symbol(text: string, hint: number): number {
    const slot = this.#symbols.find(text, hint);
    return slot < 0 ? this.#define(text) : slot;
  }

  request(
    key: number,
    how: RequestHow,
    target: RequestTarget,
    method: string,
    contentKind: number,
    content: Uint8Array,
  ): void {
    let targetSlot = this.symbol(target.text, -1);
    const methodSlot = this.symbol(method, -1);
    // The method may have been given the slot of the target; it has another then.
    if (!this.#symbols.is(targetSlot, target.text)) targetSlot = this.symbol(target.text, -1);
    const flags = (how.wait ? FLAG_WAIT : 0) | (target.kind === 0 ? 0 : FLAG_IDENTITY);
    const at = this.#reserve(28 + content.length);
    const words = this.#words;
    const word = at >>> 2;
    words[word] = OP_REQUEST | (contentKind << KIND) | (flags << FLAGS);
    words[word + 1] = key;
    words[word + 2] = how.timeoutMs;
    words[word + 3] = how.parts;
    words[word + 4] = targetSlot;
    words[word + 5] = methodSlot;
    words[word + 6] = content.length;
    this.#fill(at + 28, content);
  }

  respond(
    call: { low: number; high: number },
    status: number,
    contentKind: number,
    content: Uint8Array,
  ): void {
    const first = OP_RESPOND | (contentKind << KIND) | (status << FLAGS);
    this.#answer(first, call, content);
  }

  /** A part of a streamed result, for which there must be credit. */
  part(call: { low: number; high: number }, contentKind: number, content: Uint8Array): void {
    this.#answer(OP_PART | (contentKind << KIND), call, content);
  }

  /** `subject`: its slot. */
  publish(service: number, subject: number, contentKind: number, content: Uint8Array): void {
    const at = this.#reserve(16 + content.length);
    const words = this.#words;
    const word = at >>> 2;
    words[word] = OP_PUBLISH | (contentKind << KIND);
    words[word + 1] = service;
    words[word + 2] = subject;
    words[word + 3] = content.length;
    this.#fill(at + 16, content);
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
    const length = this.#at;
    if (length === 0) return;
    const bytes = this.#bytes;
    // Empty before the call: should it throw, the commands are not repeated.
    this.#at = 0;
    // One large command had a buffer of its own.
    if (bytes.length > CAPACITY) this.#use(NOTHING);
    try {
      this.#queued = this.#submit(bytes, length);
    } catch (error) {
      this.#queued = 0;
      // Nobody knows which of them the native side has been told.
      this.#symbols.clear();
      this.#failed(error);
    }
  }

  #answer(first: number, call: { low: number; high: number }, content: Uint8Array): void {
    const at = this.#reserve(16 + content.length);
    const words = this.#words;
    const word = at >>> 2;
    words[word] = first;
    words[word + 1] = call.low;
    words[word + 2] = call.high;
    words[word + 3] = content.length;
    this.#fill(at + 16, content);
  }

  #pair(op: number, first: number, second: number): void {
    const at = this.#reserve(12);
    const words = this.#words;
    const word = at >>> 2;
    words[word] = op;
    words[word + 1] = first;
    words[word + 2] = second;
    this.#commit(at + 12);
  }

  #define(text: string): number {
    const bytes = Buffer.from(text);
    const at = this.#reserve(12 + bytes.length);
    const slot = this.#symbols.add(text);
    const words = this.#words;
    const word = at >>> 2;
    words[word] = OP_SYMBOL;
    words[word + 1] = slot;
    words[word + 2] = bytes.length;
    this.#fill(at + 12, bytes);
    return slot;
  }

  /** Makes room for a command; returns where it begins. */
  #reserve(bytes: number): number {
    if (this.#at + bytes > this.#bytes.length) this.#renew(bytes);
    return this.#at;
  }

  #renew(bytes: number): void {
    this.flush();
    if (bytes > this.#bytes.length) {
      this.#use(new ArrayBuffer(bytes <= CAPACITY ? CAPACITY : (bytes + 3) & ~3));
    }
  }

  #use(memory: ArrayBuffer): void {
    this.#bytes = new Uint8Array(memory);
    this.#words = new Uint32Array(memory);
  }

  /** Ends a command by its content. */
  #fill(at: number, content: Uint8Array): void {
    this.#bytes.set(content, at);
    this.#commit((at + content.length + 3) & ~3);
  }

  #commit(at: number): void {
    this.#at = at;
    if (at >= CAPACITY) this.flush();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      nextTick(flushScheduled, this);
    }
  }

  /** The scheduled flush; internal. */
  static run(staging: Staging): void {
    staging.#scheduled = false;
    staging.flush();
  }
}

const flushScheduled = Staging.run;
