// Requests of this side that wait for their outcome. A key is the index of a slot; no native
// promise, no timer and no closure per request exists on the other side of the border.

import { deliveredOf, requestEnd } from "../border/codes.js";
import type { Commands } from "../border/commands.js";
import { view } from "../border/memory.js";
import { DEADLINE_PASSED, STATUS_FAILURE, STATUS_RESPONSE } from "../border/numbers.js";
import { decodeContent } from "../content/content.js";
import { type Delivered, NetsvcError, type RequestCode, type RequestError } from "../errors.js";
import { type Asked, overdue, rejecting, requestError, serviceFailure } from "./asked.js";
import type { Holder } from "./open-work.js";
import { onAbort, reasonOf } from "./signals.js";

/** Takes the parts of a streamed result, before its outcome. */
export interface PartSink {
  /** The request's key, as long as it runs; another request may have it afterwards. */
  key: number | undefined;
  part(kind: number, buffer: ArrayBuffer, offset: number, length: number): void;
}

interface Slot {
  readonly asked: Asked;
  readonly resolve: (value: unknown) => void;
  readonly extra: Extra | undefined;
}

/** Why requests end that have no outcome. */
export interface End {
  readonly code: RequestCode;
  readonly delivered: Delivered;
  readonly text: string;
  readonly cause?: unknown;
}

/** What few requests have. */
interface Extra {
  /** No longer waits for its signal. */
  readonly forget: (() => void) | undefined;
  readonly part: PartSink | undefined;
}

/**
 * Stands for a request that was settled on this side alone. It keeps its key until its outcome has
 * come, which would otherwise end another request with that key.
 */
const SETTLED = Symbol("settled");

/** Slots by key. A request is settled exactly once: whoever settles it takes it out of its slot. */
export class Pending {
  readonly #slots: Array<Slot | typeof SETTLED | undefined> = [];
  /** Keys of empty slots below the end. */
  readonly #free: number[] = [];
  readonly #work: Holder;
  readonly #commands: Commands;
  readonly #cancel: (key: number) => Delivered;

  /** `cancel` gives up a request at the native side, and says whether it was delivered. */
  constructor(work: Holder, commands: Commands, cancel: (key: number) => Delivered) {
    this.#work = work;
    this.#commands = commands;
    this.#cancel = cancel;
  }

  /**
   * Sends a request, and settles with its outcome. When `signal` aborts, which it has not done yet,
   * the request is cancelled and the promise rejects at once. `part` takes the parts of a streamed
   * result.
   */
  send(
    asked: Asked,
    kind: number,
    content: Uint8Array,
    signal: AbortSignal | undefined,
    part?: PartSink,
  ): Promise<unknown> {
    const key = this.#free.pop() ?? this.#slots.push(undefined) - 1;
    let extra: Extra | undefined;
    try {
      // First: a signal of the application's making may throw.
      if (signal !== undefined || part !== undefined) extra = this.#extra(key, signal, part);
      const { how, target, method } = asked;
      this.#commands.request(key, how, target, method, kind, content);
    } catch (error) {
      if (extra !== undefined) end(extra);
      this.#free.push(key);
      throw error;
    }
    const promise = new Promise(capture);
    this.#slots[key] = { asked, resolve: resolveLast, extra };
    this.#work.add();
    return promise;
  }

  /** A part of a streamed result arrived. */
  part(key: number, kind: number, buffer: ArrayBuffer, offset: number, length: number): void {
    const slot = this.#slots[key];
    if (slot === undefined || slot === SETTLED) return;
    slot.extra?.part?.part(kind, buffer, offset, length);
  }

  /** The outcome of a request arrived; of one that was cancelled before it is dropped. */
  settle(
    key: number,
    status: number,
    kind: number,
    delivered: number,
    buffer: ArrayBuffer,
    offset: number,
    length: number,
  ): void {
    const slot = this.#settled(key);
    if (slot === undefined) return;
    try {
      const bytes = view(buffer, offset, length);
      if (status === STATUS_RESPONSE) {
        slot.resolve(decodeContent(kind, bytes));
      } else if (status === STATUS_FAILURE) {
        const content = decodeContent(kind, bytes);
        reject(slot, () => serviceFailure(slot.asked, content));
      } else {
        const message = Buffer.from(buffer, offset, length).toString();
        rejectWith(slot, requestEnd(kind, message), deliveredOf(delivered));
      }
    } catch (error) {
      const message = error instanceof NetsvcError ? error.message : "the result is malformed";
      reject(slot, () => requestError(slot.asked, "encoding", "yes", message, error));
    }
  }

  /** A request did not end by its deadline: that is its outcome. */
  overdue(key: number, delivered: Delivered): void {
    const slot = this.#settled(key);
    if (slot !== undefined) reject(slot, () => overdue(slot.asked, delivered));
  }

  /** Ends all that are left. */
  end({ code, delivered, text, cause }: End): void {
    for (let key = 0; key < this.#slots.length; key++) {
      const slot = this.#take(key);
      if (slot === undefined) continue;
      reject(slot, () => requestError(slot.asked, code, delivered, text, cause));
    }
  }

  /** What a request has beyond its promise. */
  #extra(key: number, signal: AbortSignal | undefined, part: PartSink | undefined): Extra {
    const forget =
      signal &&
      onAbort(signal, () => {
        // In this order: whoever takes a request settles it.
        const slot = this.#take(key);
        const delivered = this.#cancel(key);
        if (slot !== undefined) reject(slot, () => cancelled(slot.asked, signal, delivered));
      });
    if (part !== undefined) part.key = key;
    return { forget, part };
  }

  /** The outcome of a request has come: takes it out, unless it was settled before. */
  #settled(key: number): Slot | undefined {
    const slot = this.#slots[key];
    if (slot === undefined) return undefined;
    this.#slots[key] = undefined;
    this.#free.push(key);
    if (slot === SETTLED) return undefined;
    this.#ended(slot);
    return slot;
  }

  /** Takes a request out that is settled although its outcome has not come. */
  #take(key: number): Slot | undefined {
    const slot = this.#slots[key];
    if (slot === undefined || slot === SETTLED) return undefined;
    this.#slots[key] = SETTLED;
    this.#ended(slot);
    return slot;
  }

  #ended({ extra }: Slot): void {
    this.#work.remove();
    if (extra !== undefined) end(extra);
  }
}

function end({ forget, part }: Extra): void {
  forget?.();
  if (part !== undefined) part.key = undefined;
}

// The function of the promise made last: one executor for all spares a closure for each.
let resolveLast: (value: unknown) => void;

function capture(resolve: (value: unknown) => void): void {
  resolveLast = resolve;
}

/** Ends a request with an error, whose stack leads to those who await it. */
function reject(slot: Slot, make: () => Error): void {
  slot.resolve(rejecting(make));
}

/** Ends a request with an outcome that is an error. */
function rejectWith(slot: Slot, [code, text]: [RequestCode, string], delivered: Delivered): void {
  const isOverdue = code === "deadline" && text === DEADLINE_PASSED;
  reject(slot, () =>
    isOverdue ? overdue(slot.asked, delivered) : requestError(slot.asked, code, delivered, text),
  );
}

/** The error of a request that its signal ended; `delivered` says whether before it was sent. */
export function cancelled(asked: Asked, signal: AbortSignal, delivered: Delivered): RequestError {
  return requestError(asked, "cancelled", delivered, "the request was cancelled", reasonOf(signal));
}
