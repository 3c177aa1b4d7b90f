// The handler's end of a streamed result: takes items from its iterator as fast as the caller takes
// parts, and no faster, so that a generator rests at its `yield`.

import { EncodingError } from "../errors.js";
import { inContextOfNow } from "./async-context.js";

/** An item that could not be read or sent, for the `cause`. It ends the stream. */
export class UnsentPart extends Error {}

/** Sends the items of one iterator. */
export class PartSource {
  /**
   * Resolves when the iterator is done or closed, rejects with what it threw: not before it has
   * come to rest, since until then the handler runs. Only of an UnsentPart the caller hears at once.
   */
  readonly ended: Promise<void>;
  readonly #iterator: AsyncIterator<unknown>;
  readonly #next: () => unknown;
  readonly #send: (value: unknown) => void;
  #credit = 0;
  #stopped = false;
  /** Wakes the loop when it waits for credit. */
  #wake: () => void = () => {};
  #closing: Promise<unknown> | undefined;
  /** Closes the iterator in the context in which its items are taken. */
  readonly #close: (_: undefined) => Promise<unknown>;

  /**
   * `send` takes an item, and throws if it cannot; no more are wanted then. Throws if `iterator` is
   * none.
   */
  constructor(iterator: AsyncIterator<unknown>, send: (value: unknown) => void) {
    const { next } = object(iterator, "the iterator of the result") as AsyncIterator<unknown>;
    if (typeof next !== "function") throw new EncodingError("the result has no method next");
    this.#iterator = iterator;
    this.#next = next;
    this.#send = send;
    this.#close = inContextOfNow(async () => iterator.return?.());
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
    this.#closed().catch(() => {}); // told by `ended`
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
      const step = await Reflect.apply(this.#next, this.#iterator, []);
      try {
        const item = object(step, "a step of the iterator") as IteratorResult<unknown>;
        if (item.done) return;
        if (this.#stopped) break;
        this.#credit -= 1;
        this.#send(item.value);
      } catch (cause) {
        this.stop();
        throw new UnsentPart("a part could not be sent", { cause });
      }
    }
    await this.#closed();
  }

  #closed(): Promise<unknown> {
    this.#closing ??= this.#close(undefined);
    return this.#closing;
  }
}

/** Whether a handler's result is a stream. Throws what reading it throws. */
export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as { [Symbol.asyncIterator]?: unknown })[Symbol.asyncIterator] === "function"
  );
}

function object(value: unknown, what: string): object {
  if ((typeof value === "object" && value !== null) || typeof value === "function") return value;
  throw new EncodingError(`${what} is not an object`);
}
