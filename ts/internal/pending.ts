// Requests of this side that wait for their outcome. A key is the index of a slot; no native
// promise, no timer and no closure per request exists on the other side of the border.

import { requestError } from "../border/codes.js";
import type { Commands, RequestHow } from "../border/commands.js";
import { view } from "../border/memory.js";
import { DEADLINE_PASSED, STATUS_FAILURE, STATUS_RESPONSE } from "../border/numbers.js";
import { decodeContent } from "../content/content.js";
import { type Delivered, NetsvcError, RequestError, ServiceFailure } from "../errors.js";
import type { Holder } from "./open-work.js";
import { onAbort, reasonOf } from "./signals.js";
import type { Target } from "./targets.js";

/** Takes the parts of a streamed result, before its outcome. */
export interface PartSink {
  /** The request's key, as long as it runs; another request may have it afterwards. */
  key: number | undefined;
  part(kind: number, buffer: ArrayBuffer, offset: number, length: number): void;
}

interface Slot {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly extra: Extra | undefined;
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
const SETTLED: Slot = { resolve() {}, reject() {}, extra: undefined };

/** Slots by key. A request is settled exactly once: whoever settles it takes it out of its slot. */
export class Pending {
  readonly #slots: Array<Slot | undefined> = [];
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
    how: RequestHow,
    target: Target,
    method: string,
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
      this.#commands.request(key, how, target, method, kind, content);
    } catch (error) {
      if (extra !== undefined) end(extra);
      this.#free.push(key);
      throw error;
    }
    const promise = new Promise(capture);
    this.#slots[key] = { resolve: resolveLast, reject: rejectLast, extra };
    this.#work.add();
    return promise;
  }

  /** A part of a streamed result arrived. */
  part(key: number, kind: number, buffer: ArrayBuffer, offset: number, length: number): void {
    this.#slots[key]?.extra?.part?.part(kind, buffer, offset, length);
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
        slot.reject(serviceFailure(decodeContent(kind, bytes)));
      } else {
        const message = Buffer.from(buffer, offset, length).toString();
        slot.reject(requestError(kind, delivered, message));
      }
    } catch (error) {
      const message = error instanceof NetsvcError ? error.message : "the result is malformed";
      slot.reject(new RequestError("encoding", "yes", message, { cause: error }));
    }
  }

  /** A request did not end by its deadline: that is its outcome. */
  overdue(key: number, delivered: Delivered): void {
    const slot = this.#settled(key);
    if (slot === undefined) return;
    slot.reject(new RequestError("deadline", delivered, DEADLINE_PASSED));
  }

  /** Ends all that are left. */
  end(error: (this: void) => RequestError): void {
    for (let key = 0; key < this.#slots.length; key++) this.#take(key)?.reject(error());
  }

  /** What a request has beyond its promise. */
  #extra(key: number, signal: AbortSignal | undefined, part: PartSink | undefined): Extra {
    const forget =
      signal &&
      onAbort(signal, () => {
        // In this order: whoever takes a request settles it.
        const slot = this.#take(key);
        slot?.reject(cancelled(signal, this.#cancel(key)));
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

// The functions of the promise made last: one executor for all spares a closure for each.
let resolveLast: (value: unknown) => void;
let rejectLast: (error: Error) => void;

function capture(resolve: (value: unknown) => void, reject: (error: Error) => void): void {
  resolveLast = resolve;
  rejectLast = reject;
}

/** The error of a request that its signal ended; `delivered` says whether before it was sent. */
export function cancelled(signal: AbortSignal, delivered: Delivered): RequestError {
  return new RequestError("cancelled", delivered, "the request was cancelled", {
    cause: reasonOf(signal),
  });
}

function serviceFailure(content: unknown): ServiceFailure {
  const { code, message, data } = Object(content) as Record<string, unknown>;
  return new ServiceFailure(
    typeof code === "string" ? code : "error",
    typeof message === "string" ? message : "",
    data,
  );
}
