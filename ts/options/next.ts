import { CancelledError, TimeoutError } from "../errors.js";
import { onAbort, reasonOf } from "../internal/signals.js";
import { clearTimeout, setTimeout } from "../internal/timers.js";
import type { Until } from "../internal/until.js";
import * as check from "./checks.js";

/** Options of `next`, of subscriptions, watches and streams. */
export interface NextOptions {
  /**
   * Seconds until it rejects with a TimeoutError; at most the registry's `maxTimeout`. Default: it
   * waits as long as it takes. Meanwhile it keeps the process alive.
   */
  timeout?: number | undefined;
  /** Rejects with a CancelledError when it aborts. */
  signal?: AbortSignal | undefined;
}

/** Checks options of `next`. `what`: it waits for that. */
export function parseNext(
  options: NextOptions | undefined,
  maxTimeout: number,
  what: string,
): Until | undefined {
  // Who delegates to an iterator, by `yield*`, passes on whatever it was given.
  if (typeof options !== "object" || options === null) return undefined;
  const { timeout } = options;
  const ms = timeout === undefined ? undefined : check.timeoutMs(timeout, maxTimeout);
  const signal = check.signal(options.signal);
  if (ms === undefined && signal === undefined) return undefined;
  const cancelled = (): Error =>
    new CancelledError("the wait was cancelled", { cause: reasonOf(signal) });
  return {
    error: () => (signal?.aborted ? cancelled() : undefined),
    start(give) {
      const expired = (): void =>
        give(new TimeoutError(`no ${what} came within ${Number(ms) / 1000} s`));
      const timer = ms === undefined ? undefined : setTimeout(expired, ms);
      const forget = signal && onAbort(signal, () => give(cancelled()));
      return () => {
        clearTimeout(timer);
        forget?.();
      };
    },
  };
}
