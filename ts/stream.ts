import { types } from "node:util";
import { view } from "./border/memory.js";
import { decodeContent, type Encoded } from "./content/content.js";
import { RequestError } from "./errors.js";
import { type Asked, requestError } from "./internal/asked.js";
import type { Core } from "./internal/core.js";
import { cancelled, type PartSink } from "./internal/pending.js";
import { Readers } from "./internal/readers.js";
import { onAbort, reasonOf } from "./internal/signals.js";
import type { Until } from "./internal/until.js";
import { type NextOptions, parseNext } from "./options/next.js";

/** Parts that a stream takes before its reader has taken any. */
export const DEFAULT_CREDIT = 16;
/** More would bound nothing. */
export const MAX_CREDIT = 65_535;

/** A request whose result is read in parts. @internal */
export interface StreamRequest {
  readonly asked: Asked;
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
  readonly #asked: Asked;
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
  readonly #readers = new Readers<T>({
    returns: false,
    take: () => this.#take(),
    settle: () => this.#settle(),
  });
  /** Taken since parts were last granted. */
  #taken = 0;
  #arrived = false;
  /** No further part comes. */
  #ended = false;
  /** Not told yet. */
  #error: Error | undefined;

  /** @internal */
  constructor(core: Core, request: StreamRequest) {
    const { asked, signal } = request;
    this.#core = core;
    this.#asked = asked;
    this.#chunk = Math.ceil(asked.how.parts / 2);
    const abort = () => this.#cancel(reasonOf(signal));
    if (signal?.aborted) abort();
    else if (signal !== undefined) this.#forget = onAbort(signal, abort);
    this.#send(request).then(
      (rest) => this.#finish(rest),
      (error) => this.#fail(error),
    );
  }

  async #send(request: StreamRequest): Promise<unknown> {
    const { signal } = this.#controller;
    if (signal.aborted) throw cancelled(this.#asked, signal, "no");
    const { kind, bytes } = request.arguments();
    return this.#core.pending.send(this.#asked, kind, bytes, signal, this.#parts);
  }

  /**
   * The next part; done after the last. Rejects once with what ended the request. As `next` of a
   * subscription: what its `timeout` or `signal` ends takes no part, and leaves the request alone.
   */
  next(options?: NextOptions): Promise<IteratorResult<T, undefined>> {
    try {
      return this.#next(parseNext(options, this.#core.options.maxTimeout, "part"));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #next(until: Until | undefined): Promise<IteratorResult<T, undefined>> {
    const error = until?.error();
    if (error !== undefined) return Promise.reject(error);
    const readers = this.#readers;
    if (readers.isBehind) return readers.wait(until).promise;
    const next = this.#take();
    if (next !== undefined) return readers.given(next.item).promise;
    const call = readers.wait(until);
    this.#settle();
    return call.promise;
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
    this.#queue = [];
    this.#end();
    this.#readers.drop();
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
    this.#queue.push(part);
    if (!this.#readers.isAwaited) return;
    const next = this.#take();
    if (next === undefined) this.#settle();
    else this.#readers.hand(next.item);
  }

  /** Takes the first part out of the queue, and gives its place back to the handler. */
  #take(): { readonly item: T } | undefined {
    const part = this.#queue.shift();
    if (part === undefined) return undefined;
    let item: T;
    try {
      // The contract says what it is; nothing checks it here.
      item = part() as T;
    } catch (cause) {
      this.#queue = [];
      this.#controller.abort();
      const text = "a part of the result is malformed";
      this.#end(requestError(this.#asked, "encoding", "yes", text, cause));
      return undefined;
    }
    this.#taken += 1;
    const { key } = this.#parts;
    if (this.#taken >= this.#chunk && key !== undefined && this.#core.open) {
      this.#core.commands.grantParts(key, this.#taken);
      this.#taken = 0;
    }
    return { item };
  }

  /** Those who wait hear of the end, if it has come: the first of the error. */
  #settle(): void {
    if (!this.#ended || !this.#readers.isAwaited) return;
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) this.#readers.fail(error);
    this.#readers.end();
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
      if (this.#readers.isAwaited) this.#readers.hand(rest as T);
      else this.#queue.push(() => rest);
    }
    this.#end();
  }

  #fail(error: Error): void {
    if (this.#ended) return;
    this.#end(this.#arrived ? delivered(error) : error);
  }

  /** No further part comes; `error` is told once, after the parts that wait. */
  #end(error?: Error): void {
    this.#ended = true;
    this.#error = error;
    this.#forget();
    this.#settle();
  }
}

/** Decodes a part. Decoding waits for the reader: it is part of what flow control bounds. */
type Part = () => unknown;

const DONE: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });

/** Who sent parts has seen the request, whatever the rest of the way knows. */
function delivered(error: Error): Error {
  if (!(error instanceof RequestError) || error.delivered === "yes") return error;
  const { code, message, cause, service, method, timeout } = error;
  const about = { service, method, timeout };
  return new RequestError(code, "yes", message, cause === undefined ? about : { ...about, cause });
}
