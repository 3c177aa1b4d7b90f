// A decoder of the netsvc protocol written from docs/protocol.md alone: it shares no code with
// netsvc, so that the specification and the Rust codec check each other. Errors carry the names of
// the specification. Numbers of 64 bits become strings, bytes hexadecimal digits, as in the
// vectors.

import { Body, concat, hex, utf8, view, WireError } from "./body.js";

export type Message = { type: string; [field: string]: unknown };

const MAGIC = "netsvc";
const VERSION = 1;
const MAX_CONTROL = 65_536;
const MAX_EXTENSIONS = 4096;
const MAX_NAME = 255;
const MAX_SUBJECT = 1024;
const MAX_TEXT = 1024;
const MAX_GROUPS = 256;
const MAX_METHODS = 1024;
const MAX_SYMBOLS = 4096;
const MAX_UNFINISHED = 64;
const MAX_FIXED = 32;
const MIN_PAYLOAD = 1024;
const FRAGMENT_FIXED = 12;
const NO_SYMBOL = 0xffff;
const FOR_EVER = 0xffffffff;
const DENIED = 40;
const PEER_CLOSED = 2;

const SYMBOL = 0x10;
const FRAGMENT = 0x11;
const GREETINGS = [0x01, 0x02, 0x03];
const REASONS = [1, 2, 3, 4, 5, 6, 16, 17, 18, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42];
const REQUEST_CODES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

/** Bodies of messages without content, by kind. Properties are read in the order of the wire. */
const CONTROL: Record<number, (body: Body, extensions: string) => Message> = {
  1: (body) => ({ ...hello("hello", body), secret: body.hex(32) }),
  2: (body) => hello("welcome", body),
  3: (body) => ({ type: "refuse", code: reason(body, DENIED), message: body.text(MAX_TEXT) }),
  4: () => ({ type: "heartbeat" }),
  5: (body) => ({ type: "goodbye", code: reason(body, PEER_CLOSED), message: body.text(MAX_TEXT) }),
  6: (body) => ({ type: "flush", token: body.u32() }),
  7: (body) => ({ type: "flushed", token: body.u32() }),
  8: () => ({ type: "synced" }),
  9: (body) => ({ type: "credit", call: body.u64(), parts: body.u32() }),
  32: (body) => ({
    type: "process",
    process: body.u32(),
    id: body.hex(16),
    label: body.text(MAX_NAME),
  }),
  33: (body) => ({ type: "processGone", process: body.u32() }),
  34: (body, extensions) => ({
    type: "service",
    service: body.u32(),
    process: body.u32(),
    counter: body.u32(),
    revision: body.u64(),
    name: body.text(MAX_NAME),
    audience: body.text(MAX_NAME),
    groups: body.texts(MAX_GROUPS, MAX_NAME),
    methods: body.texts(MAX_METHODS, MAX_NAME),
    extensions,
  }),
  35: (body) => ({ type: "withdrawn", service: body.u32(), revision: body.u64() }),
  36: (body) => membership("joined", body),
  37: (body) => membership("left", body),
  48: (body) => ({
    type: "interest",
    id: body.u32(),
    latest: body.flag(),
    target: target(body),
    pattern: body.text(MAX_SUBJECT),
  }),
  49: (body) => ({ type: "interestEnd", id: body.u32() }),
  50: (body) => subscriber("subscriberAdded", body),
  51: (body) => subscriber("subscriberRemoved", body),
  52: (body) => ({ type: "subscribersKnown", service: body.u32(), revision: body.u64() }),
  66: (body) => ({ type: "cancel", call: body.u64() }),
  81: (body) => ({
    type: "replayRequest",
    service: body.u32(),
    process: body.u32(),
    replay: body.u32(),
    after: body.u64(),
    upto: body.u64(),
    pattern: body.text(MAX_SUBJECT),
  }),
  83: (body) => ({
    type: "replayEnd",
    process: body.u32(),
    replay: body.u32(),
    sequence: body.u64(),
    moreAfter: body.u64(),
    completeAfter: body.u64(),
  }),
  84: lost,
};

/** Messages with content, by kind: bytes before the content, and how to read the body. */
const DATA: Record<number, { fixed: number; read: (body: Body, symbols: string[]) => Message }> = {
  64: { fixed: 32, read: request },
  65: { fixed: 12, read: response },
  67: { fixed: 12, read: part },
  80: { fixed: 16, read: (body, symbols) => ({ type: "report", ...report(body, symbols) }) },
  82: { fixed: 28, read: replayed },
  85: {
    fixed: 20,
    read: (body, symbols) => ({
      type: "targeted",
      process: body.u32(),
      ...report(body, symbols),
    }),
  },
};

type Unfinished = { kind: number; total: number; extensions: string; chunks: Uint8Array[] };

/** Decodes one direction of a connection. */
export class Decoder {
  readonly #maxPayload: number;
  readonly #symbols: string[] = [];
  readonly #unfinished = new Map<number, Unfinished>();
  #buffer = new Uint8Array(0);
  #begun = false;
  #greeted = false;

  constructor(maxPayload: number) {
    this.#maxPayload = Math.max(maxPayload, MIN_PAYLOAD);
  }

  /** Bytes that wait for the rest of their frame. */
  get pending(): number {
    return this.#buffer.length;
  }

  /** Decodes `bytes`, the next ones of the stream. Messages before an error are yielded first. */
  *push(bytes: Uint8Array): Generator<Message> {
    this.#buffer = concat([this.#buffer, bytes]);
    if (!this.#begun && !this.#preamble()) return;
    while (this.#buffer.length >= 8) {
      const header = new Body(this.#buffer.subarray(0, 8));
      const [kind, flags] = [header.u8(), header.u8()];
      const [extensionBytes, bodyBytes] = [header.u16(), header.u32()];
      this.#check(kind, flags, extensionBytes, bodyBytes);
      const end = 8 + extensionBytes + bodyBytes;
      if (this.#buffer.length < end) return;
      this.#greeted = true;
      const extensions = this.#buffer.subarray(8, 8 + extensionBytes);
      const message = this.#frame(kind, extensions, this.#buffer.subarray(8 + extensionBytes, end));
      this.#buffer = this.#buffer.slice(end);
      if (message !== undefined) yield message;
    }
  }

  #preamble(): boolean {
    const seen = this.#buffer.subarray(0, 6);
    if (seen.some((byte, index) => byte !== MAGIC.charCodeAt(index))) throw new WireError("Magic");
    if (this.#buffer.length < 8) return false;
    if (view(this.#buffer).getUint16(6, false) !== VERSION) throw new WireError("Version");
    this.#buffer = this.#buffer.slice(8);
    this.#begun = true;
    return true;
  }

  #check(kind: number, flags: number, extensionBytes: number, bodyBytes: number): void {
    let limit = MAX_CONTROL;
    if (kind === FRAGMENT) limit = FRAGMENT_FIXED + MAX_FIXED + this.#maxPayload;
    else if (DATA[kind] !== undefined) limit = DATA[kind].fixed + this.#maxPayload;
    else if (kind !== SYMBOL && CONTROL[kind] === undefined) throw new WireError("Kind");
    if (flags !== 0) throw new WireError("Flags");
    if (extensionBytes > MAX_EXTENSIONS) throw new WireError("ExtensionsTooLarge");
    if (bodyBytes > limit) throw new WireError("TooLarge");
    if (GREETINGS.includes(kind) === this.#greeted) throw new WireError("Handshake");
  }

  #frame(kind: number, extensions: Uint8Array, bytes: Uint8Array): Message | undefined {
    checkExtensions(extensions);
    const control = CONTROL[kind];
    if (control === undefined && kind !== SYMBOL && kind !== FRAGMENT)
      return this.#data(kind, hex(extensions), bytes);
    const body = new Body(bytes);
    if (kind === FRAGMENT) return this.#fragment(body, extensions);
    const message = control?.(body, hex(extensions));
    if (kind === SYMBOL) this.#symbol(body);
    body.end();
    if (message?.type === "processGone") this.#unfinished.delete(Number(message.process));
    return message;
  }

  #data(kind: number, extensions: string, bytes: Uint8Array): Message {
    const data = DATA[kind];
    if (data === undefined) throw new WireError("Kind");
    if (bytes.length < data.fixed) throw new WireError("Truncated");
    return { ...data.read(new Body(bytes), this.#symbols), extensions };
  }

  #symbol(body: Body): void {
    const slot = body.u16();
    const text = body.text(MAX_SUBJECT);
    if (slot > this.#symbols.length || slot >= MAX_SYMBOLS) throw new WireError("SymbolSlot");
    this.#symbols[slot] = text;
  }

  #fragment(body: Body, extensions: Uint8Array): Message | undefined {
    const origin = body.u32();
    const [kind, flags, last] = [body.u8(), body.u8(), body.flag()];
    body.reserved(1);
    const total = body.u32();
    const chunk = body.take(body.left).slice();
    const data = DATA[kind];
    if (data === undefined) throw new WireError("FragmentKind");
    if (flags !== 0) throw new WireError("Flags");

    const begun = this.#unfinished.get(origin);
    if (begun === undefined) {
      if (total > data.fixed + this.#maxPayload) throw new WireError("TooLarge");
      const others = [...this.#unfinished.values()].reduce((sum, other) => sum + other.total, 0);
      if (this.#unfinished.size === MAX_UNFINISHED || others + total > MAX_FIXED + this.#maxPayload)
        throw new WireError("FragmentsFull");
    } else if (extensions.length > 0) throw new WireError("Fragment");
    const whole = begun ?? { kind, total, extensions: hex(extensions), chunks: [] };
    whole.chunks.push(chunk);
    this.#unfinished.set(origin, whole);
    const bytes = concat(whole.chunks);
    const continues = whole.kind === kind && whole.total === total && chunk.length > 0;
    if (!continues || bytes.length > total || last !== (bytes.length === total))
      throw new WireError("Fragment");
    if (!last) return undefined;
    this.#unfinished.delete(origin);
    return this.#data(kind, whole.extensions, bytes);
  }
}

function hello(type: string, body: Body): Message {
  return {
    type,
    features: body.u64(),
    role: oneOf(["client", "server"], body.u8()),
    process: body.hex(16),
    token: body.hex(16),
    attempt: body.u32(),
    heartbeat: body.u32(),
    maxPayload: body.u32(),
    group: body.text(MAX_NAME),
    label: body.text(MAX_NAME),
  };
}

function reason(body: Body, other: number): number {
  const code = body.u8();
  return REASONS.includes(code) ? code : other;
}

function membership(type: string, body: Body): Message {
  return { type, service: body.u32(), revision: body.u64(), group: body.text(MAX_NAME) };
}

function target(body: Body): object {
  const kind = oneOf(["name", "identity", "group"], body.u8());
  if (kind === "identity") return { process: body.hex(16), counter: body.u32() };
  return { [kind]: body.text(MAX_NAME) };
}

function subscriber(type: string, body: Body): Message {
  const [service, process, latest] = [body.u32(), body.u32(), body.flag()];
  return { type, service, process, latest, pattern: body.text(MAX_SUBJECT) };
}

function lost(body: Body): Message {
  const [service, count] = [body.u32(), body.u64()];
  if (count === "0") throw new WireError("Value");
  const subject = body.flag() ? body.text(MAX_SUBJECT) : null;
  return { type: "lost", service, count, subject };
}

function request(body: Body, symbols: string[]): Message {
  const [call, caller, service, slot] = [body.u64(), body.u32(), body.u32(), body.u16()];
  if (service !== 0 && slot !== NO_SYMBOL) throw new WireError("Value");
  const target = service === 0 ? { name: symbol(symbols, slot, MAX_NAME) } : { service };
  const method = symbol(symbols, body.u16(), MAX_NAME);
  const [remaining, parts, contentType] = [body.u32(), body.u32(), body.u8()];
  body.reserved(3);
  const content = body.rest();
  return { type: "request", call, caller, target, method, remaining, parts, contentType, content };
}

function response(body: Body): Message {
  const type = "response";
  const call = body.u64();
  const status = oneOf(["response", "failure", "error"], body.u8());
  const code = body.u8();
  if (status !== "error") {
    body.reserved(2);
    return { type, call, status, contentType: code, content: body.rest() };
  }
  if (!REQUEST_CODES.includes(code)) throw new WireError("Value");
  const delivered = oneOf(["no", "yes", "unknown"], body.u8());
  body.reserved(1);
  if (body.left > MAX_TEXT) throw new WireError("StringTooLong");
  return { type, call, status, code, delivered, message: utf8(body.take(body.left)) };
}

function part(body: Body): Message {
  const [call, contentType] = [body.u64(), body.u8()];
  body.reserved(3);
  return { type: "part", call, contentType, content: body.rest() };
}

function report(body: Body, symbols: string[]): object {
  const service = body.u32();
  const subject = symbol(symbols, body.u16(), MAX_SUBJECT);
  const contentType = body.u8();
  body.reserved(1);
  return { service, subject, contentType, sequence: body.u64(), content: body.rest() };
}

function replayed(body: Body, symbols: string[]): Message {
  const [process, replay, millis] = [body.u32(), body.u32(), body.u32()];
  const remaining = millis === FOR_EVER ? null : millis;
  return { type: "replayed", process, replay, remaining, ...report(body, symbols) };
}

function symbol(symbols: string[], slot: number, limit: number): string {
  const text = symbols[slot];
  if (text === undefined) throw new WireError("Symbol");
  if (Buffer.byteLength(text) > limit) throw new WireError("StringTooLong");
  return text;
}

function checkExtensions(bytes: Uint8Array): void {
  const fields = new Body(bytes);
  while (fields.left > 0) {
    if (fields.left < 4) throw new WireError("Extensions");
    const [id, length] = [fields.u16(), fields.u16()];
    if (length > fields.left) throw new WireError("Extensions");
    fields.take(length);
    if (id % 2 === 1) throw new WireError("Extension");
  }
}

function oneOf(names: string[], index: number): string {
  const name = names[index];
  if (name === undefined) throw new WireError("Value");
  return name;
}
