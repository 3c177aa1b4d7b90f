// Waiting for a condition instead of a time.

import { stretched } from "./time.mjs";

/** Longest wait of a test for something that should happen soon, in milliseconds. */
export const PATIENCE = stretched(10_000);

/**
 * Returns when `condition` returns something else than false, undefined or null, or stops to throw;
 * fails with its last error after `patience` milliseconds.
 */
export async function eventually<T>(
  condition: () => T | Promise<T>,
  patience: number = PATIENCE,
): Promise<NonNullable<T>> {
  const end = performance.now() + patience;
  for (;;) {
    let last: unknown;
    try {
      const value = await condition();
      if (value !== false && value !== undefined && value !== null) return value as NonNullable<T>;
      last = new Error(`still ${String(value)}`);
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) {
      throw new Error(`not true within ${patience} ms: ${condition}`, { cause: last });
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The promise's outcome, or a failure after `patience` milliseconds: nothing in a test hangs. */
export async function within<T>(promise: Promise<T>, patience: number = PATIENCE): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    return await Promise.race([
      promise,
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`not settled within ${patience} ms`)), patience);
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}

/** The error a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await within(promise);
  } catch (error) {
    return error;
  }
  throw new Error("the promise was resolved");
}

/** Lets time pass, where a duration is part of what is tested; never to wait for something. */
export async function passing(seconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
