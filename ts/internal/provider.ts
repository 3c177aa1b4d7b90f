// Waiting until somebody visible has a name or identity.

import { TARGET_NAME } from "../border/numbers.js";
import { TimeoutError } from "../errors.js";
import type { Core } from "./core.js";
import { deferred, unlessAborted } from "./deferred.js";
import type { Target } from "./targets.js";
import { clearTimeout, setTimeout } from "./timers.js";

/**
 * Resolves when a provider of `target` is visible; at once if one is. Rejects with a TimeoutError
 * after `timeoutMs`, a CancelledError on `signal`, or a ClosedError. Keeps the process alive.
 */
export async function awaitProvider(
  core: Core,
  target: Target,
  timeoutMs: number | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const found = deferred<boolean>();
  const watch = core.command((native) =>
    target.kind === TARGET_NAME ? native.watch(target.text) : native.watch(undefined, target.text),
  );
  // The replay tells what exists already, so nothing can slip in between. The first `available`
  // ends it, long before the credit of a watch is used up by anything but a crowd of changes that
  // contain one.
  core.watches.set(watch, {
    push: (change) => {
      if (change.status === "available") found.resolve(true);
    },
    end: () => {},
  });
  core.closers.add(found.reject);
  core.work.add();
  const timer = timeoutMs === undefined ? undefined : setTimeout(found.resolve, timeoutMs, false);
  try {
    // Made here, not by the timer, the error has a stack that leads to whoever waits.
    if (!(await unlessAborted(found.promise, signal))) throw overdue(target, timeoutMs ?? 0);
  } finally {
    clearTimeout(timer);
    core.work.remove();
    core.closers.delete(found.reject);
    core.watches.delete(watch);
    if (core.open) core.command((native) => native.unwatch(watch));
  }
}

function overdue({ text }: Target, timeoutMs: number): TimeoutError {
  return new TimeoutError(`no service ${text} became visible within ${timeoutMs / 1000} s`);
}
