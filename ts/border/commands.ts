// Commands that need no answer at once are packed here and cross the border together: at the end
// of the turn, at 64 KiB, or before any synchronous native call, so that order is kept.
// Layout: 32-bit words in the machine's order. The first word of a command holds the operation in
// its lowest byte, then a content type, then flags or a status; fixed words follow, then strings and
// contents, each filled up to a whole word. Strings that repeat are named by slot.

import type { Target } from "../internal/targets.js";
import { Symbols } from "./strings.js";

const OP_REQUEST = 1;
const OP_SYMBOL = 2;
const OP_RESPOND = 3;
const OP_PUBLISH = 4;
const OP_GRANT = 5;
const OP_GRANT_WATCH = 6;
const OP_PART = 7;
const OP_GRANT_PARTS = 8;
const OP_PUBLISH_TEXT = 9;

/** Where the content type is in a command's first word. */
const KIND = 8;
/** Where a request's flags and a response's status are. */
const FLAGS = 16;
/** Flags of a request. */
const FLAG_WAIT = 1;
const FLAG_IDENTITY = 2;

/** Also the size from which on a burst no longer waits for the end of its turn. */
const CAPACITY = 64 << 10;
/** Longest string that is written unit by unit; above, a call into the runtime is faster. */
const SHORT_STRING = 32;
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
  readonly #failed: (error: unknown) => void;
  readonly #symbols = new Symbols();
  /** The same memory as bytes and as words; empty until something is packed. */
  #bytes = Buffer.allocUnsafeSlow(0);
  #words = new Uint32Array();
  /** In bytes, as all positions; a multiple of four. */
  #at = 0;
  #scheduled = false;
  /** Somebody will flush. */
  #held = false;
  #queued = 0;
  /** `#queued` was told in this turn. */
  #fresh = false;

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

  request(
    key: number,
    how: RequestHow,
    target: Target,
    method: string,
    contentKind: number,
    content: Uint8Array,
  ): void {
    const { text } = target;
    target.textSlot = this.#symbol(text, target.textSlot);
    target.methodSlot = this.#symbol(method, target.methodSlot);
    // The method may have been given the slot of the target, which has another then.
    if (!this.#symbols.is(target.textSlot, text)) target.textSlot = this.#symbol(text, -1);
    const flags = (how.wait ? FLAG_WAIT : 0) | (target.kind === 0 ? 0 : FLAG_IDENTITY);
    const at = this.#reserve(28 + content.length);
    const words = this.#words;
    const word = at >>> 2;
    words[word] = OP_REQUEST | (contentKind << KIND) | (flags << FLAGS);
    words[word + 1] = key;
    words[word + 2] = how.timeoutMs;
    words[word + 3] = how.parts;
    words[word + 4] = target.textSlot;
    words[word + 5] = target.methodSlot;
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

  /**
   * Publishes without a lifetime. `hint`: what this returned for the subject before, or anything else;
   * the right one spares looking its slot up.
   */
  publish(
    service: number,
    subject: string,
    hint: number,
    contentKind: number,
    content: Uint8Array,
  ): number {
    let slot = this.#symbols.find(subject, hint);
    if (slot < 0) {
      if (!this.#symbols.worthwhile) {
        this.#publishText(service, subject, contentKind, content);
        return hint;
      }
      slot = this.#define(subject);
    }
    const at = this.#reserve(16 + content.length);
    const words = this.#words;
    const word = at >>> 2;
    words[word] = OP_PUBLISH | (contentKind << KIND);
    words[word + 1] = service;
    words[word + 2] = slot;
    words[word + 3] = content.length;
    this.#fill(at + 16, content);
    return slot;
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

  /** Whether `queued` builds on what was told in this turn: looking more often costs a crossing each. */
  get fresh(): boolean {
    return this.#fresh;
  }

  /** Until `release`, what is packed is not handed over by itself at the end of the turn. */
  hold(): void {
    this.#held = true;
  }

  /** Hands over what was packed since `hold`. */
  release(): void {
    this.#held = false;
    this.#end();
  }

  /** Hands over what was packed. */
  flush(): void {
    const length = this.#at;
    if (length === 0) return;
    const bytes = this.#bytes;
    // Empty before the call: should it throw, the commands are not repeated.
    this.#at = 0;
    // One large command had a buffer of its own.
    if (bytes.length > CAPACITY) this.#use(0);
    // Until the end of the turn, if that is looked after.
    this.#fresh = this.#scheduled || this.#held;
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

  #publishText(service: number, subject: string, contentKind: number, content: Uint8Array): void {
    const at = this.#reserve(16 + most(subject) + content.length);
    const length = this.#write(subject, at + 16);
    const words = this.#words;
    const word = at >>> 2;
    words[word] = OP_PUBLISH_TEXT | (contentKind << KIND);
    words[word + 1] = service;
    words[word + 2] = length;
    words[word + 3] = content.length;
    this.#fill(whole(at + 16 + length), content);
  }

  /**
   * The slot that stands for `text` until the next that is defined. `hint`: what this returned for it
   * before, which spares looking it up.
   */
  #symbol(text: string, hint: number): number {
    const slot = this.#symbols.find(text, hint);
    return slot < 0 ? this.#define(text) : slot;
  }

  #define(text: string): number {
    const at = this.#reserve(12 + most(text));
    const length = this.#write(text, at + 12);
    const slot = this.#symbols.add(text);
    const words = this.#words;
    const word = at >>> 2;
    words[word] = OP_SYMBOL;
    words[word + 1] = slot;
    words[word + 2] = length;
    this.#commit(whole(at + 12 + length));
    return slot;
  }

  /** Writes a string, for which there is room; returns its length in bytes. */
  #write(text: string, at: number): number {
    const { length } = text;
    if (length > SHORT_STRING) return this.#bytes.write(text, at);
    const bytes = this.#bytes;
    for (let index = 0; index < length; index++) {
      const unit = text.charCodeAt(index);
      if (unit >= 0x80) return bytes.write(text, at);
      bytes[at + index] = unit;
    }
    return length;
  }

  /** Makes room for a command; returns where it begins. */
  #reserve(bytes: number): number {
    if (this.#at + bytes > this.#bytes.length) this.#renew(bytes);
    return this.#at;
  }

  #renew(bytes: number): void {
    this.flush();
    if (bytes > this.#bytes.length) this.#use(bytes <= CAPACITY ? CAPACITY : whole(bytes));
  }

  #use(size: number): void {
    this.#bytes = Buffer.allocUnsafeSlow(size);
    this.#words = new Uint32Array(this.#bytes.buffer, this.#bytes.byteOffset, size / 4);
  }

  /** Ends a command by its content. */
  #fill(at: number, content: Uint8Array): void {
    this.#bytes.set(content, at);
    this.#commit(whole(at + content.length));
  }

  #commit(at: number): void {
    this.#at = at;
    if (at >= CAPACITY) this.flush();
    else if (!this.#scheduled && !this.#held) {
      this.#scheduled = true;
      nextTick(flushScheduled, this);
    }
  }

  /** Of the turn, or of what holds. */
  #end(): void {
    this.flush();
    this.#fresh = false;
  }

  /** The scheduled flush; internal. */
  static run(staging: Staging): void {
    staging.#scheduled = false;
    staging.#end();
  }
}

const flushScheduled = Staging.run;

/** The end of the word in which something ends. */
function whole(at: number): number {
  return (at + 3) & ~3;
}

/** Bytes of a string, at most: three for each unit, and to the end of the last word. */
function most(text: string): number {
  return whole(3 * text.length);
}
