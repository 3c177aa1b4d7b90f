// AbortSignals: those that the application gives, which may be of another realm or library, and
// those that it gets.

import { getMaxListeners, setMaxListeners } from "node:events";

/** What waits for one signal. */
interface Waiting {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

/**
 * However many wait for one signal, it has one listener: many calls may share a signal, and Node 20
 * warns of a leak from the eleventh listener on.
 */
const waitingFor = new WeakMap<AbortSignal, Waiting>();

/**
 * Calls `callback`, which never throws, when `signal` aborts, which it has not done yet. Returns
 * what takes that back.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  let waiting = waitingFor.get(signal);
  if (waiting === undefined) {
    waiting = wait();
    waitingFor.set(signal, waiting);
  }
  const { callbacks, listener } = waiting;
  if (callbacks.size === 0) signal.addEventListener("abort", listener);
  const entry = (): void => callback();
  callbacks.add(entry);
  return () => {
    if (callbacks.delete(entry) && callbacks.size === 0) forget(signal, listener);
  };
}

/** Its reason; undefined if that cannot be read. */
export function reasonOf(signal: AbortSignal | undefined): unknown {
  try {
    return signal?.reason;
  } catch {
    return undefined;
  }
}

let limited: boolean | undefined;

/** The controller of a signal that many parts of an application may listen to. */
export function sharedController(): AbortController {
  const controller = new AbortController();
  // Without a limit of its own from Node 22 on. Elsewhere it may have none, or no such function.
  limited ??= typeof getMaxListeners === "function" && getMaxListeners(controller.signal) !== 0;
  if (limited) setMaxListeners(0, controller.signal);
  return controller;
}

function wait(): Waiting {
  const callbacks = new Set<() => void>();
  const listener = (): void => {
    // Each takes itself and maybe others out.
    for (const callback of [...callbacks]) if (callbacks.has(callback)) callback();
  };
  return { callbacks, listener };
}

function forget(signal: AbortSignal, listener: () => void): void {
  try {
    signal.removeEventListener("abort", listener);
  } catch {
    // Whatever that is: nothing waits for it any more.
  }
}
