import { extensionsBehind, KIND } from "./border/extensions.js";
import { view } from "./border/memory.js";
import { REPORT_FLAG_REPLAYED, REPORT_FLAG_RESUMED } from "./border/numbers.js";
import { decodeContent } from "./content/content.js";
import { showAs } from "./internal/shown.js";
import { messageOf } from "./internal/thrown.js";

/** The service that published a report. */
export interface Publisher {
  readonly name: string;
  readonly identity: string;
}

/**
 * A published report as one subscription got it.
 *
 * Its bytes are a view of the batch it arrived in: keeping a report keeps that batch in memory,
 * at most 128 KiB, or one large content. Copy the content to keep it alone, and before its
 * ArrayBuffer is transferred to a worker, which would take it from the neighbours too.
 */
export class Report<Subject extends string = string, Content = unknown> {
  /** The publishing service. */
  readonly service: Publisher;
  readonly subject: Subject;
  /** Counts everything the service published, from 1; holes are normal. */
  readonly sequence: number;
  /**
   * Reports dropped since the last one delivered. Never too low; exact per subject, an upper bound
   * after a reconnect.
   */
  readonly missed: number;
  readonly #flags: number;
  /** The content type, and the length of the extension fields: see border/extensions.ts. */
  readonly #kind: number;
  readonly #buffer: ArrayBuffer;
  readonly #offset: number;
  readonly #length: number;
  #content: { readonly value: Content } | undefined;

  static {
    showAs("Report", Report.prototype);
  }

  /** @internal */
  constructor(
    service: Publisher,
    subject: string,
    sequence: number,
    flags: number,
    missed: number,
    kind: number,
    buffer: ArrayBuffer,
    offset: number,
    length: number,
  ) {
    this.service = service;
    // Types are a contract between the applications; nothing checks them here.
    this.subject = subject as Subject;
    this.sequence = sequence;
    this.missed = missed;
    this.#flags = flags;
    this.#kind = kind;
    this.#buffer = buffer;
    this.#offset = offset;
    this.#length = length;
  }

  /**
   * This report in place of an older one of its subject, which nobody took: it is counted.
   * @internal
   */
  inPlaceOf(older: Report<Subject, Content>): Report<Subject, Content> {
    return new Report(
      this.service,
      this.subject,
      this.sequence,
      this.#flags | (older.#flags & REPORT_FLAG_RESUMED),
      older.missed + this.missed + 1,
      this.#kind,
      this.#buffer,
      this.#offset,
      this.#length,
    );
  }

  /** A kept value, published before the subscription was in force. */
  get replayed(): boolean {
    return (this.#flags & REPORT_FLAG_REPLAYED) !== 0;
  }

  /** The first of its service after the link to it was lost; `missed` counts the difference. */
  get resumed(): boolean {
    return (this.#flags & REPORT_FLAG_RESUMED) !== 0;
  }

  /** The content as it travelled. */
  get bytes(): Uint8Array {
    return view(this.#buffer, this.#offset, this.#length);
  }

  /** Encoded extension fields; `undefined`: none. @internal */
  get extensions(): Uint8Array | undefined {
    return extensionsBehind(this.#kind, this.#buffer, this.#offset + this.#length);
  }

  /**
   * What was published. Decoded on first access, the same value afterwards. Malformed content
   * throws an EncodingError here, at each access, and nowhere else.
   */
  get content(): Content {
    this.#content ??= { value: decodeContent(this.#kind & KIND, this.bytes) as Content };
    return this.#content.value;
  }

  /**
   * What it says, for `JSON.stringify` and logs; so it is printed, too. Malformed content is left
   * out, and `error` says what is wrong with it.
   */
  toJSON(): object {
    const { service, subject, sequence, missed, replayed, resumed } = this;
    const about = { service: { name: service.name, identity: service.identity }, subject };
    const counts = { sequence, missed, replayed, resumed };
    try {
      return { ...about, content: this.content, ...counts };
    } catch (error) {
      return { ...about, error: messageOf(error), ...counts };
    }
  }
}
