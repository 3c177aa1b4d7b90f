// Reads a batch of deliveries and hands each to the registry's tables. A delivery is a word that
// says which it is, and fixed words; offsets refer to the batch's memory, of which views are made
// when they are asked for, never copies: it stays as long as somebody keeps one of them (at most
// 128 KiB, or one large content). The word of a content's type, in its lowest byte, holds above it
// the length of the message's extension fields, which lie right behind the content.

import type { Change, ChangeStatus } from "../change.js";
import type { LinkError } from "../errors.js";
import { type CallerTracker, Invocation, Origin } from "../internal/invocation.js";
import { Table } from "../internal/table.js";
import { type Publisher, Report } from "../report.js";
import { NO_SERVICE, type ServiceInfo } from "../service-info.js";
import { linkError } from "./codes.js";
import { extensionsBehind, KIND } from "./extensions.js";
import {
  ABSENT_SERVICE,
  ABSENT_STRING,
  ABSENT_TIME,
  CHANGE_STATUSES,
  DELIVERY_ABORT,
  DELIVERY_CHANGE,
  DELIVERY_COMMAND_FAILED,
  DELIVERY_CREDIT,
  DELIVERY_EXCHANGE_CLOSED,
  DELIVERY_FLUSHED,
  DELIVERY_INVOKE,
  DELIVERY_LINK,
  DELIVERY_LISTENING,
  DELIVERY_OUTCOME,
  DELIVERY_PART,
  DELIVERY_PROCESS_GONE,
  DELIVERY_REPORT,
  DELIVERY_SERVICE,
  DELIVERY_SERVICE_FORGOTTEN,
  DELIVERY_STRING,
  DELIVERY_SUBSCRIBER,
  LINK_EVENTS,
} from "./numbers.js";
import { type CommonInfo, PackedReader } from "./packed.js";

/** What LINK tells. */
export interface LinkDelivery {
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

/** What SUBSCRIBER tells. */
export interface SubscriberDelivery {
  readonly process: string;
  readonly label: string;
  readonly pattern: string;
}

/** Takes deliveries. Nothing here may throw: user code is guarded where it is called. */
export interface Sink extends CallerTracker {
  report(subscription: number, report: Report): void;
  /** A call of a local service; its arguments are `length` bytes of `buffer` at `offset`. */
  invoke(
    call: Invocation,
    service: number,
    kind: number,
    buffer: ArrayBuffer,
    offset: number,
    length: number,
  ): void;
  abort(low: number, high: number, reason: number): void;
  /** A request of this side did not end by its deadline. */
  overdue(key: number, delivered: number): void;
  /** The caller of a streaming call takes further parts. */
  credit(low: number, high: number, parts: number): void;
  /** A part of a streamed result. */
  part(key: number, kind: number, buffer: ArrayBuffer, offset: number, length: number): void;
  /** `kind`: the content type, or the request code when `status` is 2. */
  outcome(
    key: number,
    status: number,
    kind: number,
    delivered: number,
    buffer: ArrayBuffer,
    offset: number,
    length: number,
  ): void;
  change(watch: number, change: Change): void;
  link(delivery: LinkDelivery): void;
  exchangeClosed(exchange: number): void;
  flushed(flush: number, result: number): void;
  processGone(process: string): void;
  subscriber(service: number, present: boolean, subscriber: SubscriberDelivery): void;
  listening(token: number, ok: boolean, strings: string[]): void;
  /** `count` packed commands failed in the same way; the message is that of the first. */
  commandFailed(op: number, count: number, code: string, message: string): void;
  /** A delivery that cannot be read. */
  failed(error: unknown): void;
  /** Packed commands could not be handed over. */
  submitFailed(error: unknown): void;
}

const EVENTS: Readonly<Record<number, LinkDelivery["what"]>> = LINK_EVENTS;
const STATUSES: Readonly<Record<number, ChangeStatus>> = CHANGE_STATUSES;
/**
 * Words before the first delivery: how many there are, whether more is waiting, where the bytes
 * end.
 */
const HEADER = 3;

/** Walks through one batch after the other; knows the strings and services named before. */
export class Deliveries {
  readonly #words: Uint32Array;
  readonly #sink: Sink;
  readonly #strings: string[] = [];
  readonly #publishers = new Table<Publisher>();
  /** What services of the batch have in common, by where it lies. */
  readonly #commons = new Map<number, CommonInfo>();
  #last: CommonInfo | undefined;
  #lastAt = 0;
  /** Memory of the batch, and from where in it offsets count. */
  #buffer = new ArrayBuffer(0);
  #base = 0;
  /** Reads in it; made when it is needed. */
  #packed: PackedReader | undefined;
  /** When the batch was taken, in milliseconds of `now()`. */
  #taken = 0;
  /** Calls come in runs from the same process. */
  #caller: Origin | undefined;
  #at = 0;
  #used = 0;

  /** Batches are read from `words`. */
  constructor(words: Uint32Array, sink: Sink) {
    this.#words = words;
    this.#sink = sink;
  }

  /** Whether the current batch is read. */
  get done(): boolean {
    return this.#at >= this.#used;
  }

  /**
   * Begins the batch now in the words, whose offsets count in `chunk`. `now`: when it was taken, or
   * a little earlier.
   */
  start(chunk: Uint8Array, now: number): void {
    this.#at = HEADER;
    this.#used = this.#words[0] ?? 0;
    if (this.done) return;
    this.#taken = now;
    this.#buffer = chunk.buffer as ArrayBuffer;
    this.#base = chunk.byteOffset;
    this.#packed = undefined;
    this.#last = undefined;
    if (this.#commons.size > 0) this.#commons.clear();
  }

  /** Hands over the next delivery. */
  deliver(): void {
    // The frequent ones first, which read their words without counting each.
    const kind = this.#words[this.#at];
    if (kind === DELIVERY_REPORT) this.#report();
    else if (kind === DELIVERY_OUTCOME) this.#outcome();
    else if (kind === DELIVERY_INVOKE) this.#invoke();
    else this.#other();
  }

  #report(): void {
    const words = this.#words;
    const at = this.#at;
    this.#at = at + 11;
    const publisher = this.#publishers.get(words[at + 2] as number);
    if (publisher === undefined) {
      this.#sink.failed(new Error("a report of a service that was not introduced"));
      return;
    }
    this.#sink.report(
      words[at + 1] as number,
      new Report(
        publisher,
        this.#strings[words[at + 3] as number] ?? "",
        (words[at + 4] as number) + (words[at + 5] as number) * 0x1_0000_0000,
        words[at + 6] as number,
        words[at + 7] as number,
        words[at + 8] as number,
        this.#buffer,
        this.#base + (words[at + 9] as number),
        words[at + 10] as number,
      ),
    );
  }

  #outcome(): void {
    const words = this.#words;
    const at = this.#at;
    this.#at = at + 7;
    this.#sink.outcome(
      words[at + 1] as number,
      words[at + 2] as number,
      // Nothing takes the extension fields of a result yet.
      (words[at + 3] as number) & KIND,
      words[at + 4] as number,
      this.#buffer,
      this.#base + (words[at + 5] as number),
      words[at + 6] as number,
    );
  }

  #invoke(): void {
    const words = this.#words;
    const at = this.#at;
    this.#at = at + 12;
    const process = this.#strings[words[at + 7] as number] ?? "";
    const label = this.#strings[words[at + 8] as number] ?? "";
    let caller = this.#caller;
    if (caller === undefined || caller.process !== process || caller.label !== label) {
      caller = this.#caller = new Origin(process, label, this.#sink);
    }
    const kind = words[at + 9] as number;
    const offset = this.#base + (words[at + 10] as number);
    const length = words[at + 11] as number;
    this.#sink.invoke(
      new Invocation(
        words[at + 1] as number,
        words[at + 2] as number,
        this.#strings[words[at + 4] as number] ?? "",
        caller,
        this.#taken + (words[at + 5] as number),
        words[at + 6] as number,
        kind > KIND ? extensionsBehind(kind, this.#buffer, offset + length) : undefined,
      ),
      words[at + 3] as number,
      kind & KIND,
      this.#buffer,
      offset,
      length,
    );
  }

  #other(): void {
    const sink = this.#sink;
    const kind = this.#word();
    switch (kind) {
      case DELIVERY_STRING: {
        const slot = this.#word();
        this.#strings[slot] = this.#span().rest();
        break;
      }
      case DELIVERY_ABORT:
        sink.abort(this.#word(), this.#word(), this.#word());
        break;
      case DELIVERY_CHANGE:
        this.#change();
        break;
      case DELIVERY_LINK:
        this.#link();
        break;
      case DELIVERY_EXCHANGE_CLOSED:
        sink.exchangeClosed(this.#word());
        break;
      case DELIVERY_FLUSHED:
        sink.flushed(this.#word(), this.#word());
        break;
      case DELIVERY_PROCESS_GONE:
        sink.processGone(this.#string());
        break;
      case DELIVERY_SUBSCRIBER: {
        const service = this.#word();
        const present = this.#word() === 1;
        const packed = this.#span();
        sink.subscriber(service, present, {
          process: packed.text(),
          label: packed.text(),
          pattern: packed.text(),
        });
        break;
      }
      case DELIVERY_LISTENING: {
        const token = this.#word();
        const ok = this.#word() === 1;
        sink.listening(token, ok, this.#span().texts());
        break;
      }
      case DELIVERY_COMMAND_FAILED: {
        const op = this.#word();
        const count = this.#word();
        const packed = this.#span();
        sink.commandFailed(op, count, packed.text(), packed.text());
        break;
      }
      case DELIVERY_SERVICE: {
        const no = this.#word();
        const packed = this.#span();
        const identity = packed.text();
        this.#publishers.set(no, { name: packed.text(), identity });
        break;
      }
      case DELIVERY_SERVICE_FORGOTTEN:
        this.#publishers.delete(this.#word());
        break;
      case DELIVERY_PART:
        sink.part(
          this.#word(),
          this.#word(),
          this.#buffer,
          this.#base + this.#word(),
          this.#word(),
        );
        break;
      case DELIVERY_CREDIT:
        sink.credit(this.#word(), this.#word(), this.#word());
        break;
      default:
        // Its length is unknown, so nothing behind it can be read either.
        this.#at = this.#used;
        sink.failed(new Error(`unknown delivery ${kind}`));
    }
  }

  #change(): void {
    const words = this.#words;
    const at = this.#at;
    this.#at = at + 10;
    const group = words[at + 5] as number;
    this.#sink.change(words[at] as number, {
      status: STATUSES[words[at + 1] as number] ?? "reset",
      service: this.#serviceAt(at + 6),
      group: group === ABSENT_STRING ? undefined : this.#strings[group],
      replayed: words[at + 4] === 1,
      revision: (words[at + 2] as number) + (words[at + 3] as number) * 0x1_0000_0000,
    });
  }

  /** The service that four words describe. */
  #serviceAt(at: number): ServiceInfo {
    const words = this.#words;
    const common = words[at + 3] as number;
    if (common === ABSENT_SERVICE) return NO_SERVICE;
    return this.#reader().service(
      this.#common(common),
      words[at] as number,
      words[at + 1] as number,
      words[at + 2] as number,
    );
  }

  /** What lies at `offset`, which services that come in a row mostly have in common. */
  #common(offset: number): CommonInfo {
    if (offset === this.#lastAt && this.#last !== undefined) return this.#last;
    let common = this.#commons.get(offset);
    if (common === undefined) {
      common = this.#reader().at(offset).common();
      this.#commons.set(offset, common);
    }
    this.#lastAt = offset;
    this.#last = common;
    return common;
  }

  #link(): void {
    const what = EVENTS[this.#word()] ?? "closed";
    const exchange = this.#word();
    const link = this.#word();
    const attempt = this.#word();
    const reason = this.#word();
    const retryMs = this.#word();
    const packed = this.#span();
    const process = packed.text();
    const label = packed.text();
    const address = packed.text();
    this.#sink.link({
      what,
      exchange,
      link,
      attempt,
      reason: linkError(reason, packed.text()),
      retryIn: retryMs === ABSENT_TIME ? undefined : retryMs / 1000,
      process,
      label,
      address,
    });
  }

  #word(): number {
    return this.#words[this.#at++] ?? 0;
  }

  #string(): string {
    return this.#strings[this.#word()] ?? "";
  }

  /** Reads the batch's memory. */
  #reader(): PackedReader {
    this.#packed ??= new PackedReader(new Uint8Array(this.#buffer, this.#base));
    return this.#packed;
  }

  /** Reads what the next two words name. */
  #span(): PackedReader {
    const offset = this.#word();
    return this.#reader().at(offset, offset + this.#word());
  }
}
