// Repeating a request that certainly did not reach its handler, within its deadline.

import { type RequestCode, RequestError } from "../errors.js";
import type { Asked } from "./asked.js";
import { now } from "./clock.js";
import type { Core } from "./core.js";
import { deferred } from "./deferred.js";
import { cancelled } from "./pending.js";
import { onAbort } from "./signals.js";
import { clearTimeout, setTimeout } from "./timers.js";

/** Ends that may be others a moment later. The rest would be the same again. */
const PASSING: ReadonlySet<RequestCode> = new Set<RequestCode>([
  "no-service",
  "overloaded",
  "lost",
  "link-lost",
]);
/** Longest first pause, and longest of all, in milliseconds. */
const FIRST_PAUSE = 50;
const LONGEST_PAUSE = 1000;

/**
 * The outcome of `attempt`, which is given the milliseconds that are left, and is called again as
 * long as it fails with `delivered` no and a code that may pass. Rejects with the last error when
 * no time is left for another pause.
 */
export async function retrying(
  core: Core,
  asked: Asked,
  signal: AbortSignal | undefined,
  attempt: (timeoutMs: number) => Promise<unknown>,
): Promise<unknown> {
  const deadline = now() + asked.timeoutMs;
  let longest = FIRST_PAUSE;
  for (let left = asked.timeoutMs; ; left = Math.max(1, Math.ceil(deadline - now()))) {
    try {
      return await attempt(left);
    } catch (error) {
      if (!isPassing(error)) throw error;
      // Many callers hear of one loss at once: they must not come back at once.
      const pause = longest * (0.5 + Math.random() / 2);
      if (now() + pause >= deadline) throw error;
      await pausing(core, asked, signal, pause);
      longest = Math.min(longest * 2, LONGEST_PAUSE);
    }
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof RequestError && error.delivered === "no" && PASSING.has(error.code);
}

/** Keeps the process alive; rejects when `signal` aborts or the registry closes. */
async function pausing(
  core: Core,
  asked: Asked,
  signal: AbortSignal | undefined,
  milliseconds: number,
): Promise<void> {
  const over = deferred<void>();
  const timer = setTimeout(over.resolve, milliseconds, undefined);
  const abort = () => signal && over.reject(cancelled(asked, signal, "no"));
  const forget = signal && onAbort(signal, abort);
  if (signal?.aborted) abort();
  core.closers.add(over.reject);
  core.work.add();
  try {
    await over.promise;
  } finally {
    clearTimeout(timer);
    forget?.();
    core.closers.delete(over.reject);
    core.work.remove();
  }
}
