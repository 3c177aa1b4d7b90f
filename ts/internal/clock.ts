// The clock of this library. It is not `performance.now()`, although as fast: Node makes that when
// it is first used, which takes 2 ms and 400 KiB in a process that has no other use for it.

import { hrtime } from "./timers.js";

/** Milliseconds on a monotonic clock that starts anywhere. */
export function now(): number {
  const [seconds, nanoseconds] = hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

let offset: number | undefined;

/**
 * A time of `now()` on the clock of `performance.now()`, for applications; always the same for one
 * time.
 */
export function onPerformanceClock(time: number): number {
  offset ??= performance.now() - now();
  return time + offset;
}
