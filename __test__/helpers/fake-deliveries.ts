// Packs deliveries as the addon does, and signals once per burst.

/** Strings after their u16 lengths. */
export function packTexts(texts: readonly string[]): Buffer {
  return Buffer.concat(
    texts.flatMap((text) => {
      const bytes = Buffer.from(text);
      const length = Buffer.alloc(2);
      length.writeUInt16LE(bytes.length);
      return [length, bytes];
    }),
  );
}

/** A report that arrives, before it is packed. */
export interface ReportFields {
  service: number;
  name: string;
  subject: string;
  sequence: number;
  replayed: boolean;
  resumed: boolean;
  missed: number;
  kind: number;
  content: Uint8Array;
  extensions: Uint8Array;
}

/** What a test does not say of one. */
export const REPORT: ReportFields = {
  service: 900,
  name: "remote",
  subject: "s",
  sequence: 1,
  replayed: false,
  resumed: false,
  missed: 0,
  kind: 1,
  content: Uint8Array.of(0xf6),
  extensions: new Uint8Array(),
};

export class Deliveries {
  readonly #signal: () => void;
  #packed: number[][] = [];
  #data: Uint8Array[] = [];
  #size = 0;
  #signalled = false;
  readonly #strings = new Map<string, number>();
  readonly #services = new Set<number>();
  /** Deliveries per batch at most. */
  batch = Number.POSITIVE_INFINITY;

  constructor(signal: () => void) {
    this.#signal = signal;
  }

  /** One delivery; `data` becomes the offset and length at its end. */
  add(words: readonly number[], data?: Uint8Array): void {
    const span = data === undefined ? [] : [this.data(data), data.length];
    this.#packed.push([...words, ...span]);
    if (this.#signalled) return;
    this.#signalled = true;
    setImmediate(() => this.#signal());
  }

  /** As `add`, for a delivery that ends by the kind of its content. */
  addContent(words: readonly number[], content: Uint8Array, extensions: Uint8Array): void {
    const kind = words.at(-1) ?? 0;
    const span = [this.data(content), content.length];
    this.data(extensions);
    this.add([...words.slice(0, -1), kind | (extensions.length << 8), ...span]);
  }

  /** Bytes for deliveries to refer to; returns their offset. */
  data(bytes: Uint8Array): number {
    this.#data.push(Uint8Array.from(bytes));
    this.#size += bytes.length;
    return this.#size - bytes.length;
  }

  /** The slot of a string, told before if it is new. */
  string(text: string): number {
    const known = this.#strings.get(text);
    if (known !== undefined) return known;
    const slot = this.#strings.size;
    this.#strings.set(text, slot);
    this.add([1, slot], Buffer.from(text));
    return slot;
  }

  /** Introduces a publishing service once. */
  service(no: number, identity: string, name: string): void {
    if (this.#services.has(no)) return;
    this.#services.add(no);
    this.add([14, no], packTexts([identity, name]));
  }

  /** Never takes the memory that the caller lends: each batch comes with its own. */
  drain(words: Uint32Array): Uint8Array {
    this.#signalled = false;
    let used = 3;
    const count = Math.min(this.#packed.length, this.batch);
    let taken = 0;
    for (; taken < count; taken++) {
      const record = this.#packed[taken] ?? [];
      if (used + record.length > words.length) break;
      words.set(record, used);
      used += record.length;
    }
    this.#packed = this.#packed.slice(taken);
    words[0] = used;
    words[1] = this.#packed.length > 0 ? 1 : 0;
    words[2] = 0;
    // Offsets count from the first byte not yet given back, so what is left over keeps them.
    const chunk = new Uint8Array(Buffer.concat(this.#data));
    if (this.#packed.length === 0) {
      this.#data = [];
      this.#size = 0;
    }
    return chunk;
  }
}
