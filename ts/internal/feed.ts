// What subscriptions and watches have in common: items arrive, and a callback or an iterator takes
// them. The native side sends only against credit, which is granted back as items are consumed, so
// at most the initial credit is ever buffered here.

/** Taken items at the front of the queue that are kept until it is copied. */
const COMPACT_AT = 256;

/** One stream of items to one consumer. */
export class Feed<T> {
  readonly #callback: ((item: T) => void) | undefined;
  readonly #source: FeedSource;
  readonly #chunk: number;
  #queue: T[] = [];
  #head = 0;
  #waiting: Array<(result: IteratorResult<T, undefined>) => void> = [];
  #consumed = 0;
  #ended = false;

  /** `chunk`: consumed items that are granted back together, well below the initial credit. */
  constructor(source: FeedSource, chunk: number, callback: ((item: T) => void) | undefined) {
    this.#source = source;
    this.#chunk = chunk;
    this.#callback = callback;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** An item arrived. */
  push(item: T): void {
    if (this.#ended) return;
    if (this.#callback !== undefined) {
      // Granted back when the batch is delivered: one command for all of it.
      if (this.#consumed++ === 0) this.#source.touched(this);
      this.#source.guard(this.#callback, item);
      return;
    }
    const next = this.#waiting.shift();
    if (next === undefined) {
      this.#queue.push(item);
    } else {
      this.#consume();
      next({ done: false, value: item });
    }
  }

  /** Grants back what a callback consumed in this batch. */
  settle(): void {
    if (this.#consumed > 0 && !this.#ended) this.#source.grant(this.#consumed);
    this.#consumed = 0;
  }

  /** No more items; those not taken are dropped, waiting iterators are done. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#queue = [];
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const next of waiting) next({ done: true, value: undefined });
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#head < this.#queue.length) {
      const value = this.#queue[this.#head] as T;
      this.#head += 1;
      // A consumer that is always a little behind never empties the queue.
      if (this.#head === this.#queue.length || this.#head >= COMPACT_AT) {
        this.#queue = this.#queue.slice(this.#head);
        this.#head = 0;
      }
      this.#consume();
      return Promise.resolve({ done: false, value });
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Items go to a callback or an iterator, never to both. */
  assertIterable(): void {
    if (this.#callback !== undefined) {
      throw new TypeError("it has a callback already; an iterator would get nothing");
    }
  }

  #consume(): void {
    this.#consumed += 1;
    if (this.#consumed < this.#chunk) return;
    if (!this.#ended) this.#source.grant(this.#consumed);
    this.#consumed = 0;
  }
}

/** Where a feed's items come from. */
export interface FeedSource {
  /** Allows that many more items. */
  grant(items: number): void;
  /** Asks for `settle` when the batch is delivered. */
  touched(feed: { settle(): void }): void;
  /** Runs user code; what it throws is reported and goes no further. */
  guard<T>(callback: (item: T) => void, item: T): void;
}
