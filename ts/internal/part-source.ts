// The handler's end of a streamed result: takes items from its iterator as fast as the caller takes
// parts, and no faster, so that a generator rests at its `yield`.

/** Sends the items of one iterator. */
export class PartSource {
  /**
   * Resolves when the iterator is done or closed, rejects with what it threw. Never before the
   * iterator has come to rest, since until then the handler runs.
   */
  readonly ended: Promise<void>;
  readonly #iterator: AsyncIterator<unknown>;
  readonly #send: (value: unknown) => boolean;
  #credit = 0;
  #stopped = false;
  /** Wakes the loop when it waits for credit. */
  #wake: () => void = () => {};
  #closing: Promise<unknown> | undefined;

  /** `send` takes an item; false: it could not, and no more are wanted. */
  constructor(iterator: AsyncIterator<unknown>, send: (value: unknown) => boolean) {
    this.#iterator = iterator;
    this.#send = send;
    this.ended = this.#run();
  }

  /** So many further items may be sent. */
  grant(parts: number): void {
    this.#credit += parts;
    this.#wake();
  }

  /** No more items are wanted: the iterator is closed, as by leaving a loop over it. */
  stop(): void {
    this.#stopped = true;
    // At once: an iterator whose `next` is pending may settle it when it is closed.
    this.#close().catch(() => {}); // told by `ended`
    this.#wake();
  }

  async #run(): Promise<void> {
    for (;;) {
      while (this.#credit === 0 && !this.#stopped) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      if (this.#stopped) break;
      // What it throws ends it: there is nothing to close then.
      const { done, value } = await this.#iterator.next();
      if (done === true) return;
      if (this.#stopped) break;
      this.#credit -= 1;
      if (!this.#send(value)) break;
    }
    await this.#close();
  }

  #close(): Promise<unknown> {
    this.#closing ??= (async () => this.#iterator.return?.())();
    return this.#closing;
  }
}

/** Whether a handler's result is a stream. */
export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as { [Symbol.asyncIterator]?: unknown })[Symbol.asyncIterator] === "function"
  );
}
