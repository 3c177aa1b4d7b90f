import { inContextOfNow } from "./internal/async-context.js";

/** Signatures of events by name. */
export type EventMap = Record<string, unknown>;

/** Calls a listener of an event, and reports what it throws. */
export type Guard = <T>(callback: (argument: T) => void, argument: T, event: unknown) => void;

/**
 * A small emitter of typed events. There is no special event `error`; a listener that throws is
 * reported to the registry's `callbackError` and disturbs nobody else. Listeners run in the
 * asynchronous context (AsyncLocalStorage) in which they were added.
 */
export class Emitter<Events> {
  readonly #listeners = new Map<keyof Events, Array<Listener<Events>>>();
  readonly #guard: Guard;

  /** @internal */
  constructor(guard: Guard) {
    this.#guard = guard;
  }

  /** Calls `listener` at each `event` from now on; adding it twice calls it twice. */
  on<E extends keyof Events>(event: E, listener: (argument: Events[E]) => void): this {
    return this.#add(event, listener, false);
  }

  /** Calls `listener` at the next `event` only. */
  once<E extends keyof Events>(event: E, listener: (argument: Events[E]) => void): this {
    return this.#add(event, listener, true);
  }

  /** Takes back one `on` or `once`; without effect if there was none. */
  off<E extends keyof Events>(event: E, listener: (argument: Events[E]) => void): this {
    const listeners = this.#listeners.get(event) ?? [];
    const index = listeners.findIndex((entry) => entry.call === listener);
    if (index >= 0) this.#listeners.set(event, listeners.toSpliced(index, 1));
    return this;
  }

  /** The same as `off`: `once` and `on` of node:events know no other name. */
  removeListener<E extends keyof Events>(event: E, listener: (argument: Events[E]) => void): this {
    return this.off(event, listener);
  }

  /** Tells all listeners of this moment; false if there are none. */
  protected emit<E extends keyof Events>(event: E, argument: Events[E]): boolean {
    const listeners = this.#listeners.get(event);
    if (listeners === undefined || listeners.length === 0) return false;
    // Lists are replaced, never changed, so listeners may come and go meanwhile.
    for (const entry of listeners) {
      if (entry.once) this.off(event, entry.call as (argument: Events[E]) => void);
      this.#guard(entry.run as (argument: Events[E]) => void, argument, event);
    }
    return true;
  }

  #add<E extends keyof Events>(
    event: E,
    listener: (argument: Events[E]) => void,
    once: boolean,
  ): this {
    if (typeof listener !== "function") throw new TypeError("a listener must be a function");
    const call = listener as Listener<Events>["call"];
    const entry = { call, run: inContextOfNow(call), once };
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), entry]);
    return this;
  }
}

interface Listener<Events> {
  readonly call: (argument: Events[keyof Events]) => void;
  /** The same, in its context. */
  readonly run: (argument: Events[keyof Events]) => void;
  readonly once: boolean;
}
