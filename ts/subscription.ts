import { PackedReader } from "./border/packed.js";
import { inContextOfNow } from "./internal/async-context.js";
import type { Core } from "./internal/core.js";
import { Feed } from "./internal/feed.js";
import { onAbort } from "./internal/signals.js";
import type { ServiceTarget, Target } from "./internal/targets.js";
import * as check from "./options/checks.js";
import { type NextOptions, parseNext } from "./options/next.js";
import type { Report } from "./report.js";
import type { ServiceInfo } from "./service-info.js";

/** Whose reports: of all services of a name, of one service, or of all services of a group. */
export type SubscriptionTarget = ServiceTarget | { readonly group: string };

/** Options of `registry.subscribe`. */
export interface SubscriptionOptions {
  /** Ends the subscription when it aborts. */
  signal?: AbortSignal | undefined;
  /**
   * What becomes of reports while the reader is too slow. `"buffer"` (default): they wait in line,
   * and the oldest are dropped at `maxReports` or `maxBytes`, replayed ones last. `"latest"`: a
   * waiting report is replaced, in its place, by the next one of its service and subject, so that a
   * reader however slow gets the newest of every subject. Either way, what was dropped is counted
   * as missed.
   */
  policy?: "buffer" | "latest" | undefined;
  /**
   * Reports that wait at most, until the oldest are dropped and counted as missed. Default: the
   * registry's limit `subscriptionReports` (65,536). Up to 2,048 further ones may be on their way
   * through this process.
   */
  maxReports?: number | undefined;
  /** Bytes of content that wait at most. Default: the limit `subscriptionBytes` (32 MiB). */
  maxBytes?: number | undefined;
}

/**
 * Consumed reports that are granted back together; a subscription starts with a credit of 2,048.
 */
const GRANT_CHUNK = 256;
/** Limits of the core where the application sets none. */
export const DEFAULT_MAX_REPORTS = 65_536;
export const DEFAULT_MAX_BYTES: number = 32 << 20;

/**
 * Reports of other processes and of this one, at most once each, those of one service in the order
 * published.
 *
 * In force from the call of `registry.subscribe`, whether a publisher exists or not: first come
 * kept values (`replayed`), then what is published. Ended by `close`, by its signal, by leaving a
 * `for await` loop, or with the registry. It outlives links. It does not keep the process alive.
 *
 * A reader that is too slow loses the oldest reports, counted by `missed`, and costs nobody else
 * anything. A callback runs in the asynchronous context (AsyncLocalStorage) of the subscription's
 * making, and changes nothing of it.
 */
export class Subscription<R extends Report = Report> implements AsyncIterableIterator<R> {
  readonly #core: Core;
  readonly #feed: Feed<R>;
  readonly #number: number | undefined;
  /** No longer waits for the signal. */
  #forget: () => void = () => {};
  #missed = 0;
  /** Replaced on this side; the core counts its own. */
  #replaced = 0;

  /** @internal */
  constructor(
    core: Core,
    target: Target,
    pattern: string,
    callback: ((report: R) => void) | undefined,
    options: SubscriptionOptions,
  ) {
    const { policy = "buffer" } = options;
    const signal = check.signal(options.signal);
    if (policy !== "buffer" && policy !== "latest") {
      throw new RangeError(`policy must be "buffer" or "latest", not ${String(policy)}`);
    }
    this.#core = core;
    this.#feed = new Feed<R>(
      {
        grant: (reports) => {
          if (this.#number !== undefined) core.commands.grant(this.#number, reports);
        },
        guard: (call, report) => core.guard(call, report),
      },
      GRANT_CHUNK,
      callback && inContextOfNow(callback),
      policy === "buffer"
        ? undefined
        : {
            key: ({ service, subject }) => `${service.identity} ${subject}`,
            replace: (older, newer) => {
              this.#replaced += 1;
              return newer.inPlaceOf(older) as R;
            },
          },
    );
    const { subscriptionReports, subscriptionBytes } = core.options.limits;
    const reports = check.count(
      options.maxReports ?? subscriptionReports ?? DEFAULT_MAX_REPORTS,
      "maxReports",
    );
    const bytes = check.count(
      options.maxBytes ?? subscriptionBytes ?? DEFAULT_MAX_BYTES,
      "maxBytes",
    );
    if (signal?.aborted) {
      this.#feed.end();
      return;
    }
    this.#number = core.command((native) =>
      native.subscribe(target.kind, target.text, pattern, reports, bytes, policy === "latest"),
    );
    core.subscriptions.set(this.#number, {
      // The contract says what the reports are; nothing checks it here.
      push: (report) => this.#feed.push(report as R),
      end: () => this.close(),
    });
    if (signal !== undefined) this.#forget = onAbort(signal, () => this.close());
  }

  /** Reports dropped so far, in all; also those that no later report has told of yet. */
  get missed(): number {
    const number = this.#number;
    if (number !== undefined && !this.#feed.ended && this.#core.open) {
      this.#missed = this.#core.command((native) => native.missed(number));
    }
    return this.#missed + this.#replaced;
  }

  /** The visible services whose reports it gets, oldest first; none once it has ended. */
  get publishers(): readonly ServiceInfo[] {
    const number = this.#number;
    if (number === undefined || this.#feed.ended || !this.#core.open) return [];
    return new PackedReader(this.#core.command((native) => native.publishers(number))).services();
  }

  /**
   * The next report; done once the subscription has ended. Each call takes one, in the order of
   * the calls. One that its `timeout` or `signal` ends rejects and takes none.
   *
   * A report is not lost with a promise that has lost a `Promise.race`: what is waited for by
   * `then`, not by `await`, has taken its report when somebody looks at the result. If nobody has
   * when `next` is called again, and in that turn of the event loop, that call gets it. Of more
   * than 256 such promises that wait, the oldest are given up.
   */
  next(options?: NextOptions): Promise<IteratorResult<R, undefined>> {
    try {
      return this.#feed.next(parseNext(options, this.#core.options.maxTimeout, "report"));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Ends the subscription, as leaving a `for await` loop does. */
  async return(): Promise<IteratorResult<R, undefined>> {
    this.close();
    return { done: true, value: undefined };
  }

  /** Throws TypeError if the subscription has a callback. */
  [Symbol.asyncIterator](): this {
    this.#feed.assertIterable();
    return this;
  }

  /** Ends the subscription at once; reports not taken are dropped. */
  close(): void {
    if (this.#feed.ended) return;
    const number = this.#number;
    if (number !== undefined && this.#core.open) {
      this.#missed = this.#core.command((native) => {
        const missed = native.missed(number);
        native.unsubscribe(number);
        return missed;
      });
    }
    this.#feed.end();
    this.#forget();
    if (number !== undefined) this.#core.subscriptions.delete(number);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}
