// Calls of `next()`, of subscriptions, watches and streams, and what they are given.
//
// A promise that has lost a race with a timer cannot be told from one that is awaited, and each
// call of `next()` takes an item. So that the item is not lost with the race: of calls that may
// have lost one, the newest is given an item first; and of subscriptions and watches, what such a
// call was given counts as taken when somebody looks at it: if nobody has when there is a later
// call, that gets it. A part of a stream is taken by whoever is given it, as each part is what a
// call has asked for.

import { NextCall } from "./next-call.js";
import { setImmediate } from "./timers.js";
import type { Until } from "./until.js";

/** Raced calls that wait at most: older ones are taken for given up. */
const MAX_RACED = 256;

/** Where items and the end come from. */
export interface Items<T> {
  /** What was given to a raced call, and at which nobody has looked, goes to a later one. */
  readonly returns: boolean;
  /** Takes what waits in line first. */
  take(): { readonly item: T } | undefined;
  /** Somebody waits and nothing is in line any more: settles those calls if this is the end. */
  settle(): void;
}

/** Who waits for the items of one feed. */
export class Readers<T> {
  readonly #items: Items<T>;
  /** In the order of the calls. */
  #waiting: NextCall<T>[] = [];
  /** Calls that were raced and given an item at which nobody has looked yet, in their order. */
  #unseen: NextCall<T>[] = [];
  /** The call that was given an item last. */
  #last: NextCall<T> | undefined;
  /** It is going to be seen what of `unseen` nobody looks at. Until then nothing overtakes it. */
  #looking = false;
  readonly #onRaced = (call: NextCall<T>): void => this.#raced(call);

  constructor(items: Items<T>) {
    this.#items = items;
  }

  /** What comes next goes to somebody who waits. */
  get isAwaited(): boolean {
    return this.#waiting.length > 0 && !this.#looking;
  }

  /** There may be items before those that wait in line: whoever asks now has to wait. */
  get isBehind(): boolean {
    if (this.#unseen.length > 0) this.#unseen = this.#unseen.filter((call) => !call.isSeen);
    return this.#unseen.length > 0;
  }

  /** A call for which there is nothing yet. It rejects when `until` ends it. */
  wait(until: Until | undefined): NextCall<T> {
    const call = new NextCall<T>(this.#onRaced);
    this.#waiting.push(call);
    call.onSettled = until?.start((error) => {
      if (this.giveUp(call)) call.fail(error);
    });
    // Whoever has just been given an item looks at it in this turn of the event loop.
    if (this.isBehind && !this.#looking) {
      this.#looking = true;
      setImmediate(() => this.#look());
    }
    return call;
  }

  /** A call for which there is an item. */
  given(item: T): NextCall<T> {
    const call = new NextCall<T>(this.#onRaced);
    this.#give(call, item, 0);
    return call;
  }

  /** Gives an item to one of those who wait. */
  hand(item: T, times = 0): void {
    const call = this.#choose();
    if (call === undefined) return;
    this.#waiting.splice(this.#waiting.indexOf(call), 1);
    this.#give(call, item, times);
  }

  /** A call waits no longer; false if it does not wait. */
  giveUp(call: NextCall<T>): boolean {
    const index = this.#waiting.indexOf(call);
    if (index >= 0) this.#waiting.splice(index, 1);
    return index >= 0;
  }

  /** The first who waits hears of an error; false if nobody does. */
  fail(error: Error): boolean {
    const call = this.#choose();
    if (call === undefined) return false;
    this.giveUp(call);
    call.fail(error);
    return true;
  }

  /** No more items: all who wait are done. */
  end(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const call of waiting) call.end();
  }

  /** As `end`, and what nobody has looked at is dropped. */
  drop(): void {
    this.#unseen = [];
    this.#last = undefined;
    this.end();
  }

  #give(call: NextCall<T>, item: T, times: number): void {
    this.#last = call;
    if (call.give(item, times) && this.#items.returns) this.#unseen.push(call);
  }

  /** Somebody has raced a call, or something of that kind. */
  #raced(call: NextCall<T>): void {
    if (call.isGiven) {
      if (!this.#items.returns) return;
      const isLast = call === this.#last && call.isUnseen;
      if (isLast && !this.#unseen.includes(call)) this.#unseen.push(call);
      return;
    }
    const raced = this.#waiting.filter((each) => each.turn !== undefined);
    if (raced.length > MAX_RACED) this.giveUp(raced[0] as NextCall<T>);
  }

  /**
   * Who gets the next item: those that are awaited, in the order of the calls; then, of those that
   * may have lost a race, the first of the newest that were raced together.
   */
  #choose(after = -1): NextCall<T> | undefined {
    const waiting = this.#waiting;
    const awaited = waiting.find((call) => call.turn === undefined);
    if (awaited !== undefined) return awaited;
    const newest = waiting.at(-1)?.turn ?? -1;
    return newest > after ? waiting.find((call) => call.turn === newest) : undefined;
  }

  /** What nobody has looked at goes to later calls, then what waits in line. */
  #look(): void {
    this.#looking = false;
    while (this.isBehind) {
      const [call] = this.#unseen;
      if (call === undefined || this.#choose(call.turn) === undefined) break;
      this.#unseen.shift();
      this.hand(call.item as T, call.times + 1);
    }
    while (this.#waiting.length > 0) {
      const next = this.#items.take();
      if (next === undefined) break;
      this.hand(next.item);
    }
    if (this.#waiting.length > 0) this.#items.settle();
  }
}
