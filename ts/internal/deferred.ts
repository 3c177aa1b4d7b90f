// Promises that are settled elsewhere, and waits that a signal can end.

import { CancelledError } from "../errors.js";
import { onAbort, reasonOf } from "./signals.js";

export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/** A promise to settle later, whose rejection is nobody's fault if nobody waits for it. */
export function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise: handled(promise), resolve, reject };
}

/** Whoever awaits it still gets its rejection; otherwise it is not an unhandled one. */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** Rejects with a CancelledError as soon as `signal` aborts, whatever becomes of `promise`. */
export async function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return promise;
  handled(promise);
  const aborted = deferred<never>();
  const abort = () =>
    aborted.reject(new CancelledError("the wait was cancelled", { cause: reasonOf(signal) }));
  if (signal.aborted) abort();
  const forget = onAbort(signal, abort);
  try {
    return await Promise.race([aborted.promise, promise]);
  } finally {
    forget();
  }
}
