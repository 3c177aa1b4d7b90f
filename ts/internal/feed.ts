// What subscriptions and watches have in common: items arrive, and a callback or an iterator takes
// them. The native side sends only against credit, which is granted back as items are consumed, so
// at most the initial credit is ever buffered here.

import { Readers } from "./readers.js";
import type { Until } from "./until.js";

/** Taken items at the front of the queue that are kept until it is copied. */
const COMPACT_AT = 256;

/** One stream of items to one consumer. */
export class Feed<T> {
  readonly #callback: ((item: T) => void) | undefined;
  readonly #source: FeedSource;
  readonly #chunk: number;
  readonly #latest: Latest<T> | undefined;
  #queue: T[] = [];
  #head = 0;
  /** Taken items that the queue no longer holds. */
  #gone = 0;
  /** Where items of a `latest` feed wait, counted from the first ever queued. */
  readonly #places = new Map<string, number>();
  readonly #readers = new Readers<T>({
    returns: true,
    take: () => this.#take(),
    settle: () => {},
  });
  #consumed = 0;
  #ended = false;

  /**
   * `chunk`: consumed items that are granted back together, well below the initial credit. With
   * `latest`, a waiting item is replaced in place by the next of its key.
   */
  constructor(
    source: FeedSource,
    chunk: number,
    callback: ((item: T) => void) | undefined,
    latest?: Latest<T>,
  ) {
    this.#source = source;
    this.#latest = latest;
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
      this.#consume();
      this.#source.guard(this.#callback, item);
      return;
    }
    if (!this.#readers.isAwaited) {
      this.#enqueue(item);
    } else {
      this.#consume();
      this.#readers.hand(item);
    }
  }

  /** No more items; those not taken are dropped, waiting iterators are done. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#queue = [];
    this.#head = 0;
    this.#places.clear();
    this.#readers.drop();
  }

  /**
   * The next item, or the end. What `until` ends before it was given one rejects and takes none.
   */
  next(until?: Until): Promise<IteratorResult<T, undefined>> {
    const error = until?.error();
    if (error !== undefined) return Promise.reject(error);
    const next = this.#readers.isBehind ? undefined : this.#take();
    if (next !== undefined) return this.#readers.given(next.item).promise;
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return this.#readers.wait(until).promise;
  }

  /** Items go to a callback or an iterator, never to both. */
  assertIterable(): void {
    if (this.#callback !== undefined) {
      throw new TypeError("it has a callback already; an iterator would get nothing");
    }
  }

  /** Takes the first item out of the queue. */
  #take(): { readonly item: T } | undefined {
    if (this.#head === this.#queue.length) return undefined;
    const item = this.#queue[this.#head] as T;
    this.#head += 1;
    if (this.#latest !== undefined) this.#places.delete(this.#latest.key(item));
    // A consumer that is always a little behind never empties the queue.
    if (this.#head === this.#queue.length || this.#head >= COMPACT_AT) {
      this.#queue = this.#queue.slice(this.#head);
      this.#gone += this.#head;
      this.#head = 0;
    }
    this.#consume();
    return { item };
  }

  #enqueue(item: T): void {
    if (this.#latest === undefined) {
      this.#queue.push(item);
      return;
    }
    const key = this.#latest.key(item);
    const place = this.#places.get(key);
    if (place === undefined) {
      this.#places.set(key, this.#gone + this.#queue.push(item) - 1);
    } else {
      const index = place - this.#gone;
      this.#queue[index] = this.#latest.replace(this.#queue[index] as T, item);
      this.#consume();
    }
  }

  #consume(): void {
    this.#consumed += 1;
    if (this.#consumed < this.#chunk) return;
    if (!this.#ended) this.#source.grant(this.#consumed);
    this.#consumed = 0;
  }
}

/** How a feed keeps only the latest item of each key. */
export interface Latest<T> {
  key(item: T): string;
  /** What waits in the place of `older` now. */
  replace(older: T, newer: T): T;
}

/** Where a feed's items come from. */
export interface FeedSource {
  /** Allows that many more items. */
  grant(items: number): void;
  /** Runs user code; what it throws is reported and goes no further. */
  guard<T>(callback: (item: T) => void, item: T): void;
}
