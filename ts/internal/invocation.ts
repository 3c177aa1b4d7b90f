// One running call of a local method: the handler's context, and the way its result takes back.

import type { Caller, Context } from "../context.js";
import { inContextOfNow } from "./async-context.js";
import { now, onPerformanceClock } from "./clock.js";
import type { PartSource } from "./part-source.js";
import { sharedController } from "./signals.js";

/** Where callers are watched. */
export interface CallerTracker {
  /** The signal of one process; aborted when it is unreachable already. */
  gone(process: string): AbortSignal;
}

/** The context of a call. Its signals are made on first use: most handlers never ask. */
export class Invocation implements Context {
  readonly method: string;
  readonly caller: Caller;
  /** In milliseconds of `now()`. */
  readonly #deadline: number;
  /** The call's number at the border. */
  readonly low: number;
  readonly high: number;
  /** The caller reads the result as a stream. */
  readonly streamed: boolean;
  /** Encoded extension fields of the request; `undefined`: none. */
  readonly extensions: Uint8Array | undefined;
  /** Parts that the caller takes; counted here until there is a stream. */
  #parts: number;
  #stream: PartSource | undefined;
  #controller: AbortController | undefined;
  /** Aborts that, in the context in which it was asked for. */
  #abort: ((reason: unknown) => void) | undefined;
  #aborted: { readonly reason: unknown } | undefined;

  /**
   * `deadline`: in milliseconds of `now()`. `parts`: of a streamed result, taken at first; 0: no
   * stream.
   */
  constructor(
    low: number,
    high: number,
    method: string,
    caller: Caller,
    deadline: number,
    parts: number,
    extensions: Uint8Array | undefined,
  ) {
    this.method = method;
    this.caller = caller;
    this.#deadline = deadline;
    this.low = low;
    this.high = high;
    this.streamed = parts > 0;
    this.extensions = extensions;
    this.#parts = parts;
  }

  get deadline(): number {
    return onPerformanceClock(this.#deadline) / 1000;
  }

  get remaining(): number {
    return Math.max(0, this.#deadline - now()) / 1000;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = sharedController();
      this.#controller = controller;
      this.#abort = inContextOfNow((reason) => controller.abort(reason));
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  /** Whether nobody waits for the result any more. */
  get isAborted(): boolean {
    return this.#aborted !== undefined;
  }

  /** Nobody waits for the result any more. */
  abort(reason: unknown): void {
    if (this.#aborted !== undefined) return;
    this.#aborted = { reason };
    this.#abort?.(reason);
    this.#stream?.stop();
  }

  /** The handler's result comes from `stream`, for whose parts the caller's credit is now. */
  attach(stream: PartSource): void {
    this.#stream = stream;
    stream.grant(this.#parts);
    if (this.#aborted !== undefined) stream.stop();
  }

  /** The caller takes further parts. */
  grant(parts: number): void {
    if (this.#stream === undefined) this.#parts += parts;
    else this.#stream.grant(parts);
  }
}

/** Who calls, for all calls that come from there. */
export class Origin implements Caller {
  readonly process: string;
  readonly label: string;
  readonly #tracker: CallerTracker;

  constructor(process: string, label: string, tracker: CallerTracker) {
    this.process = process;
    this.label = label;
    this.#tracker = tracker;
  }

  get gone(): AbortSignal {
    return this.#tracker.gone(this.process);
  }
}
