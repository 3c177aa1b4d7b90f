// Commands that need no answer at once are packed here and cross the border together: at the end
// of the turn, at 64 KiB, or before any synchronous native call, so that order is kept.
// Layout: 32-bit words in the machine's order. The first word of a command holds the operation in
// its lowest byte, then a content type, then flags of the operation or a status, then flags of any
// command; fixed words follow, then strings and contents, each filled up to a whole word. Extension
// fields come last, after a word with their length; without any there is no such word. Strings that
// repeat are named by slot.

import type { Target } from "../internal/targets.js";
import type { Prefer } from "../options/prefer.js";
import {
  COMMAND_FLAG_EXTENSIONS,
  COMMAND_GRANT,
  COMMAND_GRANT_PARTS,
  COMMAND_GRANT_WATCH,
  COMMAND_PART,
  COMMAND_PUBLISH,
  COMMAND_PUBLISH_TEXT,
  COMMAND_REQUEST,
  COMMAND_RESPOND,
  COMMAND_STRING,
  REQUEST_FLAG_IDENTITY,
  REQUEST_FLAG_PREFER_ANY,
  REQUEST_FLAG_WAIT,
  TARGET_NAME,
} from "./numbers.js";
import { Strings } from "./strings.js";

/** Where the content type is in a command's first word. */
const KIND = 8;
/** Where a request's flags and a response's status are. */
const FLAGS = 16;
/** In a command's first word: extension fields follow. */
const EXTENDED = COMMAND_FLAG_EXTENSIONS << 24;

/** Also the size from which on a burst no longer waits for the end of its turn. */
const CAPACITY = 64 << 10;
/** Longest string that is written unit by unit; above, a call into the runtime is faster. */
const SHORT_STRING = 32;
/** Ticks, unlike microtasks, run after all continuations of a turn, so that a burst stays one. */
const { nextTick } = process;

/** How a request is made. */
export interface RequestHow {
  readonly timeoutMs: number;
  /** Waits for a provider. */
  readonly wait: boolean;
  /** Who is asked by a name; `"local"` unless given. */
  readonly prefer?: Prefer | undefined;
  /** Parts of a streamed result that are taken at first; 0: no stream is wanted. */
  readonly parts: number;
  /** Encoded extension fields. */
  readonly extensions?: Uint8Array | undefined;
}

/** Packs the commands of one registry. */
export class Commands {
  readonly #submit: (bytes: Uint8Array, length: number) => number;
  readonly #failed: (error: unknown) => void;
  readonly #strings = new Strings();
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
   * `submit` runs packed commands and returns the queued bytes of the fullest outbox. What it
   * throws goes to `failed`: at the end of a turn nobody could catch it.
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
    const { extensions } = how;
    target.textSlot = this.#string(text, target.textSlot);
    target.methodSlot = this.#string(method, target.methodSlot);
    // The method may have been given the slot of the target, which has another then.
    if (!this.#strings.is(target.textSlot, text)) target.textSlot = this.#string(text, -1);
    const identity = target.kind === TARGET_NAME ? 0 : REQUEST_FLAG_IDENTITY;
    const any = how.prefer === "any" ? REQUEST_FLAG_PREFER_ANY : 0;
    const flags = (how.wait ? REQUEST_FLAG_WAIT : 0) | any | identity;
    const { length } = content;
    const at = this.#reserve(28 + length + room(extensions));
    const words = this.#words;
    const word = at >>> 2;
    words[word] = COMMAND_REQUEST | (contentKind << KIND) | (flags << FLAGS);
    words[word + 1] = key;
    words[word + 2] = how.timeoutMs;
    words[word + 3] = how.parts;
    words[word + 4] = target.textSlot;
    words[word + 5] = target.methodSlot;
    words[word + 6] = length;
    this.#fill(at, at + 28, content, length, extensions);
  }

  respond(
    call: { low: number; high: number },
    status: number,
    contentKind: number,
    content: Uint8Array,
    extensions?: Uint8Array,
  ): void {
    const first = COMMAND_RESPOND | (contentKind << KIND) | (status << FLAGS);
    this.#answer(first, call, content, extensions);
  }

  /** A part of a streamed result, for which there must be credit. */
  part(call: { low: number; high: number }, contentKind: number, content: Uint8Array): void {
    this.#answer(COMMAND_PART | (contentKind << KIND), call, content, undefined);
  }

  /**
   * Publishes without a lifetime. `hint`: what this returned for the subject before, or anything
   * else; the right one spares looking its slot up. `extensions`: encoded extension fields.
   */
  publish(
    service: number,
    subject: string,
    hint: number,
    contentKind: number,
    content: Uint8Array,
    extensions?: Uint8Array,
  ): number {
    let slot = this.#strings.find(subject, hint);
    if (slot < 0) {
      if (!this.#strings.worthwhile) {
        this.#publishText(service, subject, contentKind, content, extensions);
        return hint;
      }
      slot = this.#define(subject);
    }
    const { length } = content;
    const at = this.#reserve(16 + length + room(extensions));
    const words = this.#words;
    const word = at >>> 2;
    words[word] = COMMAND_PUBLISH | (contentKind << KIND);
    words[word + 1] = service;
    words[word + 2] = slot;
    words[word + 3] = length;
    this.#fill(at, at + 16, content, length, extensions);
    return slot;
  }

  grant(subscription: number, reports: number): void {
    this.#pair(COMMAND_GRANT, subscription, reports);
  }

  grantWatch(watch: number, changes: number): void {
    this.#pair(COMMAND_GRANT_WATCH, watch, changes);
  }

  grantParts(key: number, parts: number): void {
    this.#pair(COMMAND_GRANT_PARTS, key, parts);
  }

  /**
   * Whether `queued` builds on what was told in this turn: looking more often costs a crossing
   * each.
   */
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
      this.#strings.clear();
      this.#failed(error);
    }
  }

  #answer(
    first: number,
    call: { low: number; high: number },
    content: Uint8Array,
    extensions: Uint8Array | undefined,
  ): void {
    const { length } = content;
    const at = this.#reserve(16 + length + room(extensions));
    const words = this.#words;
    const word = at >>> 2;
    words[word] = first;
    words[word + 1] = call.low;
    words[word + 2] = call.high;
    words[word + 3] = length;
    this.#fill(at, at + 16, content, length, extensions);
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

  #publishText(
    service: number,
    subject: string,
    contentKind: number,
    content: Uint8Array,
    extensions: Uint8Array | undefined,
  ): void {
    const { length } = content;
    const at = this.#reserve(16 + most(subject) + length + room(extensions));
    const subjectLength = this.#write(subject, at + 16);
    const words = this.#words;
    const word = at >>> 2;
    words[word] = COMMAND_PUBLISH_TEXT | (contentKind << KIND);
    words[word + 1] = service;
    words[word + 2] = subjectLength;
    words[word + 3] = length;
    this.#fill(at, whole(at + 16 + subjectLength), content, length, extensions);
  }

  /**
   * The slot that stands for `text` until the next that is defined. `hint`: what this returned for
   * it before, which spares looking it up.
   */
  #string(text: string, hint: number): number {
    const slot = this.#strings.find(text, hint);
    return slot < 0 ? this.#define(text) : slot;
  }

  #define(text: string): number {
    const at = this.#reserve(12 + most(text));
    const length = this.#write(text, at + 12);
    const slot = this.#strings.add(text);
    const words = this.#words;
    const word = at >>> 2;
    words[word] = COMMAND_STRING;
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

  /**
   * Ends the command that begins at `start` by its content, and by extension fields if it has any.
   * `length`: of the content when room was made. Shared memory may have grown since; what exceeds
   * it is written over.
   */
  #fill(
    start: number,
    at: number,
    content: Uint8Array,
    length: number,
    extensions: Uint8Array | undefined,
  ): void {
    this.#bytes.set(content, at);
    const end = whole(at + length);
    this.#commit(extensions === undefined ? end : this.#extend(start, end, extensions));
  }

  /** Adds extension fields to the command that begins at `start`; returns where they end. */
  #extend(start: number, at: number, extensions: Uint8Array): number {
    const words = this.#words;
    words[start >>> 2] = (words[start >>> 2] as number) | EXTENDED;
    words[at >>> 2] = extensions.length;
    this.#bytes.set(extensions, at + 4);
    return whole(at + 4 + extensions.length);
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
  static run(commands: Commands): void {
    commands.#scheduled = false;
    commands.#end();
  }
}

const flushScheduled = Commands.run;

/** The end of the word in which something ends. */
function whole(at: number): number {
  return (at + 3) & ~3;
}

/**
 * Bytes that extension fields add to a command, at most: their length, and to the end of two words.
 */
function room(extensions: Uint8Array | undefined): number {
  return extensions === undefined ? 0 : 4 + 3 + extensions.length;
}

/** Bytes of a string, at most: three for each unit, and to the end of the last word. */
function most(text: string): number {
  return whole(3 * text.length);
}
