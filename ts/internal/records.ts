// Reads the records of a delivery batch and hands each to the registry's tables. A record is a
// kind word and fixed words; offsets refer to the batch's bytes, of which views are made, never
// copies: they are in memory as long as somebody keeps one of them (at most 32 KiB, or one large
// content).

import type { LinkError } from "../errors.js";
import { type Publisher, Report } from "../report.js";
import type { ServiceInfo } from "../service-info.js";
import { linkError } from "./codes.js";
import { PackedReader } from "./packed.js";

/** A LINK record. */
export interface LinkRecord {
  /** `authorise`: a handshake waits for the answer who may be linked. */
  readonly what: "active" | "inactive" | "attemptFailed" | "closed" | "authorise";
  readonly exchange: number;
  readonly link: number;
  readonly attempt: number;
  readonly reason: LinkError | undefined;
  /** Seconds; `undefined`: never. */
  readonly retryIn: number | undefined;
  readonly process: string;
  readonly label: string;
  readonly address: string;
}

/** An INVOKE record. */
export interface InvokeRecord {
  readonly low: number;
  readonly high: number;
  readonly service: number;
  readonly method: string;
  readonly remainingMs: number;
  /** Parts of a streamed result that the caller takes at first; 0: it wants no stream. */
  readonly parts: number;
  readonly process: string;
  readonly label: string;
  readonly kind: number;
  readonly bytes: Uint8Array;
}

/** A CHANGE record. */
export interface ChangeRecord {
  readonly watch: number;
  readonly status: number;
  readonly revision: number;
  readonly replayed: boolean;
  readonly group: string | undefined;
  readonly service: ServiceInfo | undefined;
}

/** An OUTCOME record. */
export interface OutcomeRecord {
  readonly key: number;
  readonly status: number;
  /** Content type; the request code when `status` is 2. */
  readonly kind: number;
  readonly delivered: number;
  readonly bytes: Uint8Array;
}

/** What a SUBSCRIBER record tells. */
export interface SubscriberRecord {
  readonly process: string;
  readonly label: string;
  readonly pattern: string;
}

/** Takes deliveries. Nothing here may throw: user code is guarded where it is called. */
export interface Sink {
  report(subscription: number, report: Report): void;
  invoke(record: InvokeRecord): void;
  abort(low: number, high: number, reason: number): void;
  /** The caller of a streaming call takes further parts. */
  credit(low: number, high: number, parts: number): void;
  /** A part of a streamed result. */
  part(key: number, kind: number, bytes: Uint8Array): void;
  outcome(record: OutcomeRecord): void;
  change(record: ChangeRecord): void;
  link(record: LinkRecord): void;
  exchangeClosed(exchange: number): void;
  flushed(flush: number, result: number): void;
  processGone(process: string): void;
  subscriber(service: number, present: boolean, subscriber: SubscriberRecord): void;
  listening(token: number, ok: boolean, strings: string[]): void;
  /** `count` packed commands failed in the same way; the message is that of the first. */
  commandFailed(op: number, count: number, code: string, message: string): void;
  /** The records read so far are delivered; others may follow. */
  delivered(): void;
  /** A record that cannot be read. */
  failed(error: unknown): void;
  /** Packed commands could not be handed over. */
  submitFailed(error: unknown): void;
}

const LINK_EVENTS = ["active", "inactive", "attemptFailed", "closed", "authorise"] as const;
const NEVER = 0xffff_ffff;
const NO_BYTES = Buffer.alloc(0);

/** Walks through one batch after the other; knows the strings and services named before. */
export class Records {
  readonly #words: Uint32Array;
  readonly #sink: Sink;
  readonly #symbols: string[] = [];
  readonly #publishers = new Map<number, Publisher>();
  #chunk: Buffer = NO_BYTES;
  #at = 0;
  #used = 0;

  constructor(words: Uint32Array, sink: Sink) {
    this.#words = words;
    this.#sink = sink;
  }

  /** Whether the current batch is read. */
  get done(): boolean {
    return this.#at >= this.#used;
  }

  /** Begins the batch now in the words. */
  start(used: number, chunk: Uint8Array | null): void {
    this.#at = 2;
    this.#used = used;
    this.#chunk =
      chunk === null
        ? NO_BYTES
        : Buffer.from(chunk.buffer as ArrayBuffer, chunk.byteOffset, chunk.byteLength);
  }

  /** Delivers the next record. */
  deliver(): void {
    const sink = this.#sink;
    const kind = this.#word();
    switch (kind) {
      case 1: {
        const slot = this.#word();
        this.#symbols[slot] = this.#text();
        break;
      }
      case 2:
        this.#report();
        break;
      case 3:
        sink.invoke({
          low: this.#word(),
          high: this.#word(),
          service: this.#word(),
          method: this.#symbol(),
          remainingMs: this.#word(),
          parts: this.#word(),
          process: this.#symbol(),
          label: this.#symbol(),
          kind: this.#word(),
          bytes: this.#bytes(),
        });
        break;
      case 4:
        sink.abort(this.#word(), this.#word(), this.#word());
        break;
      case 5:
        sink.outcome({
          key: this.#word(),
          status: this.#word(),
          kind: this.#word(),
          delivered: this.#word(),
          bytes: this.#bytes(),
        });
        break;
      case 6:
        this.#change();
        break;
      case 7:
        this.#link();
        break;
      case 8:
        sink.exchangeClosed(this.#word());
        break;
      case 9:
        sink.flushed(this.#word(), this.#word());
        break;
      case 10:
        sink.processGone(this.#symbol());
        break;
      case 11: {
        const service = this.#word();
        const present = this.#word() === 1;
        const packed = this.#packed();
        sink.subscriber(service, present, {
          process: packed.text(),
          label: packed.text(),
          pattern: packed.text(),
        });
        break;
      }
      case 12: {
        const token = this.#word();
        const ok = this.#word() === 1;
        sink.listening(token, ok, this.#packed().texts());
        break;
      }
      case 13: {
        const op = this.#word();
        const count = this.#word();
        const packed = this.#packed();
        sink.commandFailed(op, count, packed.text(), packed.text());
        break;
      }
      case 14: {
        const no = this.#word();
        const packed = this.#packed();
        const identity = packed.text();
        this.#publishers.set(no, { name: packed.text(), identity });
        break;
      }
      case 15:
        this.#publishers.delete(this.#word());
        break;
      case 16:
        sink.part(this.#word(), this.#word(), this.#bytes());
        break;
      case 17:
        sink.credit(this.#word(), this.#word(), this.#word());
        break;
      default:
        // Its length is unknown, so nothing behind it can be read either.
        this.#at = this.#used;
        sink.failed(new Error(`unknown delivery record ${kind}`));
    }
  }

  #report(): void {
    const subscription = this.#word();
    const publisher = this.#publishers.get(this.#word());
    const subject = this.#symbol();
    const sequence = this.#word() + this.#word() * 0x1_0000_0000;
    const flags = this.#word();
    const missed = this.#word();
    const kind = this.#word();
    const offset = this.#word();
    const length = this.#word();
    if (publisher === undefined) {
      this.#sink.failed(new Error("a report of a service that was not introduced"));
      return;
    }
    this.#sink.report(
      subscription,
      new Report(publisher, subject, sequence, flags, missed, kind, this.#chunk, offset, length),
    );
  }

  #change(): void {
    const watch = this.#word();
    const status = this.#word();
    const revision = this.#word() + this.#word() * 0x1_0000_0000;
    const replayed = (this.#word() & 1) === 1;
    const groupAt = this.#word();
    const groupLength = this.#word();
    const infoAt = this.#word();
    const infoLength = this.#word();
    this.#sink.change({
      watch,
      status,
      revision,
      replayed,
      group:
        groupLength === 0
          ? undefined
          : this.#chunk.toString("utf8", groupAt, groupAt + groupLength),
      service:
        infoLength === 0
          ? undefined
          : new PackedReader(this.#chunk.subarray(infoAt, infoAt + infoLength)).service(),
    });
  }

  #link(): void {
    const what = LINK_EVENTS[this.#word()] ?? "closed";
    const exchange = this.#word();
    const link = this.#word();
    const attempt = this.#word();
    const reason = this.#word();
    const retryMs = this.#word();
    const packed = this.#packed();
    const process = packed.text();
    const label = packed.text();
    const address = packed.text();
    this.#sink.link({
      what,
      exchange,
      link,
      attempt,
      reason: linkError(reason, packed.text()),
      retryIn: retryMs === NEVER ? undefined : retryMs / 1000,
      process,
      label,
      address,
    });
  }

  #word(): number {
    return this.#words[this.#at++] ?? 0;
  }

  #symbol(): string {
    return this.#symbols[this.#word()] ?? "";
  }

  #text(): string {
    const offset = this.#word();
    return this.#chunk.toString("utf8", offset, offset + this.#word());
  }

  #bytes(): Uint8Array {
    const offset = this.#word();
    return new Uint8Array(this.#chunk.buffer, this.#chunk.byteOffset + offset, this.#word());
  }

  #packed(): PackedReader {
    const offset = this.#word();
    return new PackedReader(this.#chunk.subarray(offset, offset + this.#word()));
  }
}
