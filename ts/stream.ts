import { types } from "node:util";
import { view } from "./border/memory.js";
import { decodeContent, type Encoded } from "./content/content.js";
import { RequestError } from "./errors.js";
import type { Core } from "./internal/core.js";
import { cancelled, type PartSink } from "./internal/pending.js";
import { onAbort, reasonOf } from "./internal/signals.js";
import type { Target } from "./internal/targets.js";
import type { Prefer } from "./options/prefer.js";

/** Parts that a stream takes before its reader has taken any. */
export const DEFAULT_CREDIT = 16;
/** More would bound nothing. */
export const MAX_CREDIT = 65_535;

/** A request whose result is read in parts. @internal */
export interface StreamRequest {
  readonly target: Target;
  readonly method: string;
  readonly timeoutMs: number;
  readonly wait: boolean;
  readonly prefer: Prefer;
  readonly credit: number;
  readonly signal: AbortSignal | undefined;
  /** Throws a RequestError if they cannot travel. */
  arguments(): Encoded;
}

/**
 * The result of a method that streams it, part after part, in order.
 *
 * The request is sent by the call of `stream`, not by the first `next`. It ends like every request:
 * the iterator is done, or throws a ServiceFailure or a RequestError once, after the parts that
 * arrived before. Leaving a `for await` loop, `return`, or the signal cancels it: the handler's
 * generator is closed and its `signal` aborts. It does not outlive a link.
 *
 * Flow control reaches from the reader to the handler, which rests while `credit` parts wait here.
 * Until it ended, it keeps the process alive: read it or close it.
 */
export class RemoteStream<T = unknown> implements AsyncIterableIterator<T> {
  readonly #core: Core;
  readonly #chunk: number;
  readonly #controller = new AbortController();
  /** No longer waits for the signal. */
  #forget: () => void = () => {};
  readonly #parts: PartSink = {
    key: undefined,
    part: (kind, buffer, offset, length) =>
      this.#push(() => decodeContent(kind, view(buffer, offset, length))),
  };
  #queue: Part[] = [];
  #waiting: Waiting<T>[] = [];
  /** Taken since parts were last granted. */
  #taken = 0;
  #arrived = false;
  /** No further part comes. */
  #ended = false;
  /** Not told yet. */
  #error: Error | undefined;

  /** @internal */
  constructor(core: Core, request: StreamRequest) {
    const { credit, signal } = request;
    this.#core = core;
    this.#chunk = Math.ceil(credit / 2);
    const abort = () => this.#cancel(reasonOf(signal));
    if (signal?.aborted) abort();
    else if (signal !== undefined) this.#forget = onAbort(signal, abort);
    this.#send(request).then(
      (rest) => this.#finish(rest),
      (error) => this.#fail(error),
    );
  }

  async #send(request: StreamRequest): Promise<unknown> {
    const { target, method, timeoutMs, wait, prefer, credit } = request;
    const { signal } = this.#controller;
    if (signal.aborted) throw cancelled(signal, "no");
    const { kind, bytes } = request.arguments();
    const how = { timeoutMs, wait, prefer, parts: credit };
    return this.#core.pending.send(how, target, method, kind, bytes, signal, this.#parts);
  }

  /** The next part; done after the last. Rejects once with what ended the request. */
  next(): Promise<IteratorResult<T, undefined>> {
    const part = this.#queue.shift();
    if (part !== undefined) {
      return new Promise((resolve, reject) => this.#hand(part, { resolve, reject }));
    }
    if (this.#error !== undefined) {
      const error = this.#error;
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.#ended) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Cancels the request, as leaving a `for await` loop does. Parts not taken are dropped. */
  async return(): Promise<IteratorResult<T, undefined>> {
    this.close();
    return DONE;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Cancels the request, unless it has ended. Parts not taken are dropped. */
  close(): void {
    this.#error = undefined;
    this.#queue = [];
    this.#end();
    this.#controller.abort();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  #push(part: Part): void {
    if (this.#ended) return;
    this.#arrived = true;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#queue.push(part);
    else this.#hand(part, waiting);
  }

  /** Gives a part to the reader, and its place back to the handler. */
  #hand(part: Part, { resolve, reject }: Waiting<T>): void {
    let value: T;
    try {
      // The contract says what it is; nothing checks it here.
      value = part() as T;
    } catch (cause) {
      this.close();
      reject(new RequestError("encoding", "yes", "a part of the result is malformed", { cause }));
      return;
    }
    resolve({ done: false, value });
    this.#taken += 1;
    const { key } = this.#parts;
    if (this.#taken < this.#chunk || key === undefined || !this.#core.open) return;
    this.#core.commands.grantParts(key, this.#taken);
    this.#taken = 0;
  }

  #cancel(reason: unknown): void {
    // Like every request, it rejects at once: not after parts that nobody wants any more.
    this.#queue = [];
    this.#controller.abort(reason);
  }

  /** The response came. A handler of another implementation may put the last part into it. */
  #finish(rest: unknown): void {
    if (this.#ended) return;
    const empty = types.isUint8Array(rest) && rest.length === 0;
    if (!empty) {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#queue.push(() => rest);
      else waiting.resolve({ done: false, value: rest as T });
    }
    this.#end();
  }

  #fail(error: Error): void {
    if (this.#ended) return;
    const told = this.#arrived ? delivered(error) : error;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#error = told;
    else waiting.reject(told);
    this.#end();
  }

  #end(): void {
    this.#ended = true;
    this.#forget();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { resolve } of waiting) resolve(DONE);
  }
}

/** Decodes a part. Decoding waits for the reader: it is part of what flow control bounds. */
type Part = () => unknown;

interface Waiting<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void;
  readonly reject: (error: Error) => void;
}

const DONE: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });

/** Who sent parts has seen the request, whatever the rest of the way knows. */
function delivered(error: Error): Error {
  if (!(error instanceof RequestError) || error.delivered === "yes") return error;
  const { code, message, cause } = error;
  return new RequestError(code, "yes", message, cause === undefined ? undefined : { cause });
}
