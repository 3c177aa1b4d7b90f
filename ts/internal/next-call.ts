import { inspect } from "node:util";
import { queueMicrotask } from "./timers.js";

export type Result<T> = IteratorResult<T, undefined>;

/** An item is given to so many calls at most, if nobody looks at it: some count and do no more. */
const MAX_TIMES = 2;

/** Grows from one run of JavaScript to the next. */
let turn = 0;
let turnEnds = false;

function thisTurn(): number {
  if (!turnEnds) {
    turnEnds = true;
    queueMicrotask(() => {
      turnEnds = false;
      turn += 1;
    });
  }
  return turn;
}

/** One call of `next()`: its promise, and what it was given. */
export class NextCall<T> {
  readonly promise: Promise<Result<T>>;
  readonly #onRaced: (call: NextCall<T>) => void;
  readonly #resolve: (result: Result<T>) => void;
  readonly #reject: (error: Error) => void;
  /** The run of JavaScript in which it was raced last. */
  turn: number | undefined;
  item: T | undefined;
  isGiven = false;
  isSeen = false;
  /** To how many calls its item was given before. */
  times = 0;
  /** Takes back what would end the wait. */
  onSettled: (() => void) | undefined;
  #watched: Result<T> | undefined;

  constructor(onRaced: (call: NextCall<T>) => void) {
    this.promise = new NextPromise<T>(this);
    this.#onRaced = onRaced;
    this.#resolve = resolveLast as (result: Result<T>) => void;
    this.#reject = rejectLast;
  }

  /** It was given an item, was raced, and nobody has looked at the item yet. */
  get isUnseen(): boolean {
    return this.isGiven && this.turn !== undefined && !this.isSeen && this.times < MAX_TIMES - 1;
  }

  /** Gives it an item; true if it is taken only when somebody looks at it. */
  give(item: T, times: number): boolean {
    this.item = item;
    this.times = times;
    this.isGiven = true;
    this.#settle();
    this.#resolve({ done: false, value: item });
    return this.isUnseen;
  }

  end(): void {
    this.#settle();
    this.#resolve({ done: true, value: undefined });
  }

  fail(error: Error): void {
    this.#settle();
    this.#reject(error);
  }

  /** Somebody waits for it by `then`, as `Promise.race` does. */
  raced(): void {
    this.turn = thisTurn();
    this.#onRaced(this);
  }

  /** The result, which notes that somebody looks at it. */
  watched(result: Result<T>): Result<T> {
    if (result.done) return result;
    const look = (): Result<T> => {
      this.isSeen = true;
      return result;
    };
    this.#watched ??= Object.defineProperty(
      {
        get done() {
          return look().done as false;
        },
        get value() {
          return look().value as T;
        },
      },
      inspect.custom,
      { value: look },
    );
    return this.#watched;
  }

  #settle(): void {
    this.onSettled?.();
    this.onSettled = undefined;
  }
}

/**
 * `await` and `for await` take what it is given. What else waits for it does so by `then`, as
 * `Promise.race` does: then the item is taken when somebody looks at it.
 */
class NextPromise<T> extends Promise<Result<T>> {
  readonly #call: NextCall<T>;

  static {
    // What is made of it is an ordinary promise, and `await` takes it for one: without `then`.
    Object.defineProperty(NextPromise.prototype, "constructor", { value: Promise });
  }

  constructor(call: NextCall<T>) {
    super(capture);
    this.#call = call;
  }

  // biome-ignore lint/suspicious/noThenProperty: it is a promise, and has to know who uses `then`.
  override then<A = Result<T>, B = never>(
    onFulfilled?: ((result: Result<T>) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    // Who takes no argument will not look at it.
    if (typeof onFulfilled !== "function" || onFulfilled.length === 0) {
      return super.then(onFulfilled, onRejected);
    }
    this.#call.raced();
    return super.then((result) => onFulfilled(this.#call.watched(result)), onRejected);
  }
}

// The functions of the promise made last: one executor for all spares a closure for each.
let resolveLast: (value: never) => void;
let rejectLast: (error: Error) => void;

function capture(resolve: (value: never) => void, reject: (error: Error) => void): void {
  resolveLast = resolve;
  rejectLast = reject;
}
