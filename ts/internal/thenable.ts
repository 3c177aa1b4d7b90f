// Promises by what they are: those of other realms and other libraries are no instances of the
// Promise of this realm.

/** Whether `await` would wait for it. Throws what reading its `then` throws. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return false;
  return typeof (value as { then?: unknown }).then === "function";
}

/**
 * Takes what a callback has returned. If it is a promise, its rejection goes to `failed`, which
 * never throws; so does what reading it throws.
 */
export function watchRejection(returned: unknown, failed: (error: unknown) => void): void {
  try {
    if (isThenable(returned)) void settle(returned, failed);
  } catch (error) {
    failed(error);
  }
}

// Not by its own `then`, which may do anything, twice, or later.
async function settle(
  promise: PromiseLike<unknown>,
  failed: (error: unknown) => void,
): Promise<void> {
  try {
    await promise;
  } catch (error) {
    failed(error);
  }
}
