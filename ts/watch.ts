import type { Change } from "./change.js";
import { inContextOfNow } from "./internal/async-context.js";
import type { Core } from "./internal/core.js";
import { Feed } from "./internal/feed.js";
import { onAbort } from "./internal/signals.js";
import type { ServiceFilter } from "./internal/targets.js";
import * as check from "./options/checks.js";
import { type NextOptions, parseNext } from "./options/next.js";

/** Options of `registry.watch`. */
export interface WatchOptions {
  /** Ends the watch when it aborts. */
  signal?: AbortSignal | undefined;
}

/** Consumed changes that are granted back together; a watch starts with a credit of 1,024. */
const GRANT_CHUNK = 64;

/**
 * The services of a registry as they come and go: first those that exist (`replayed`), then
 * `current`, then each change once, in order.
 *
 * In force from the call of `registry.watch`; ended by `close`, by its signal, by leaving a
 * `for await` loop, or with the registry. It outlives links. It does not keep the process alive. A
 * callback runs in the asynchronous context (AsyncLocalStorage) of the watch's making, and changes
 * nothing of it.
 */
export class Watch implements AsyncIterableIterator<Change> {
  readonly #core: Core;
  readonly #feed: Feed<Change>;
  readonly #number: number | undefined;
  /** No longer waits for the signal. */
  #forget: () => void = () => {};

  /** @internal */
  constructor(
    core: Core,
    filter: ServiceFilter,
    callback: ((change: Change) => void) | undefined,
    options: WatchOptions,
  ) {
    this.#core = core;
    this.#feed = new Feed(
      {
        grant: (changes) => {
          if (this.#number !== undefined) core.commands.grantWatch(this.#number, changes);
        },
        guard: (call, change) => core.guard(call, change),
      },
      GRANT_CHUNK,
      callback && inContextOfNow(callback),
    );
    const signal = check.signal(options.signal);
    if (signal?.aborted) {
      this.#feed.end();
      return;
    }
    const { name, identity, group } = filter;
    this.#number = core.command((native) => native.watch(name, identity, group));
    core.watches.set(this.#number, {
      push: (change) => this.#feed.push(change),
      end: () => this.close(),
    });
    if (signal !== undefined) this.#forget = onAbort(signal, () => this.close());
  }

  /** The next change; done once the watch has ended. As `next` of a subscription. */
  next(options?: NextOptions): Promise<IteratorResult<Change, undefined>> {
    try {
      return this.#feed.next(parseNext(options, this.#core.options.maxTimeout, "change"));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Ends the watch, as leaving a `for await` loop does. */
  async return(): Promise<IteratorResult<Change, undefined>> {
    this.close();
    return { done: true, value: undefined };
  }

  /** Throws TypeError if the watch has a callback. */
  [Symbol.asyncIterator](): this {
    this.#feed.assertIterable();
    return this;
  }

  /** Ends the watch at once; changes not taken are dropped. */
  close(): void {
    if (this.#feed.ended) return;
    this.#feed.end();
    this.#forget();
    if (this.#number === undefined) return;
    const number = this.#number;
    this.#core.watches.delete(number);
    if (this.#core.open) this.#core.command((native) => native.unwatch(number));
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}
