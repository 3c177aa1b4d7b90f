import { TARGET_IDENTITY, TARGET_NAME } from "./border/numbers.js";
import { type Encoded, encodeArguments } from "./content/content.js";
import { EncodingError, TooLargeError } from "./errors.js";
import { type Asked, requestError } from "./internal/asked.js";
import type { Core } from "./internal/core.js";
import { methodsOf, streamsOf } from "./internal/members.js";
import { cancelled } from "./internal/pending.js";
import { retrying } from "./internal/retrying.js";
import { INSPECT } from "./internal/shown.js";
import type { Target } from "./internal/targets.js";
import * as check from "./options/checks.js";
import { type Prefer, preferred } from "./options/prefer.js";
import { DEFAULT_CREDIT, MAX_CREDIT, RemoteStream } from "./stream.js";
import type {
  Arguments,
  CallName,
  Contract,
  MethodName,
  Part,
  RemoteMethods,
  RemoteStreams,
  Result,
  Untyped,
} from "./types.js";

/** Options of a call. */
export interface CallOptions {
  /** Deadline in seconds, at most the registry's `maxTimeout`. Default 5. */
  timeout?: number | undefined;
  /**
   * Cancels the request when it aborts: the promise rejects at once (`cancelled`), and the
   * handler's `signal` aborts.
   */
  signal?: AbortSignal | undefined;
  /**
   * Without a provider that has the method, waits for one within the deadline, connected or not,
   * instead of failing with `no-service` or `no-method` at once. The latter is what it fails with
   * at the deadline if services of that name are there, of which none has the method.
   */
  wait?: boolean | undefined;
  /**
   * Who is asked by a name, among the providers that have the method: `"local"`, the default, those
   * of the own process first; `"any"`, whoever has least to do.
   */
  prefer?: Prefer | undefined;
  /**
   * Repeats the request within the deadline while it ends with `delivered` no, and in `no-service`,
   * `overloaded`, `lost` or `link-lost`: after 25–50 ms, then up to twice as long each time, at
   * most 1 s. What may have been delivered is never repeated, nor what would end the same again.
   * Without time for another attempt it rejects with the last error. Arguments are read once.
   */
  retry?: boolean | undefined;
}

const DEFAULTS: CallOptions = Object.freeze({});

/** Options of a streaming call. */
export interface StreamOptions {
  /**
   * Longest wait for the next part, or the end, in seconds; at most the registry's `maxTimeout`.
   * Default 5. It counts from the call, from the part before, and from when the reader made room;
   * while `credit` parts wait to be read, none. The stream as a whole may take for ever.
   */
  timeout?: number | undefined;
  /** Cancels the request when it aborts: the next `next` rejects at once (`cancelled`). */
  signal?: AbortSignal | undefined;
  /** As for a call. */
  wait?: boolean | undefined;
  /** As for a call. */
  prefer?: Prefer | undefined;
  /**
   * Parts that may be on their way or wait here, from 1 to 65,535, before the handler rests.
   * Default 16. Bounds memory in parts, each of which may be as large as the limit `payload`.
   */
  credit?: number | undefined;
}

/**
 * A service as its users see it: all providers of a name, or one identity. Never goes stale, holds
 * nothing, needs no closing.
 *
 * Each call settles exactly once: with the method's result, with a `ServiceFailure` the handler
 * threw, or with a `RequestError` whose `delivered` says whether the handler may have seen it. A
 * call by name goes to a provider that has the method: one in this process first, unless `prefer`
 * is `"any"`, else the least loaded one.
 */
export class RemoteService<C extends Contract = Untyped> {
  /** The name it is bound to; `undefined` when bound to an identity. */
  readonly name: string | undefined;
  /** The identity it is bound to; `undefined` when bound to a name. */
  readonly identity: string | undefined;
  /**
   * Calls methods with the default options: `await remote.methods.read("C")`. Not those whose names
   * JavaScript and common libraries call by themselves, such as `then`, `toJSON` and `inspect`:
   * these are reached by `call`. So handles and `methods` can be logged, compared and awaited.
   */
  readonly methods: RemoteMethods<C>;
  /**
   * Calls streaming methods with the default options, but for the same names:
   * `for await (const value of remote.streams.history(24))`.
   */
  readonly streams: RemoteStreams<C>;
  readonly #core: Core;
  readonly #target: Target;

  static {
    Object.defineProperty(RemoteService.prototype, INSPECT, {
      value: RemoteService.prototype.toString,
    });
    Object.defineProperty(RemoteService.prototype, Symbol.toStringTag, { value: "RemoteService" });
  }

  /** @internal */
  constructor(core: Core, target: Target) {
    this.#core = core;
    this.#target = target;
    this.name = target.kind === TARGET_NAME ? target.text : undefined;
    this.identity = target.kind === TARGET_IDENTITY ? target.text : undefined;
    const untyped = this as unknown as RemoteService;
    const { text } = target;
    this.methods = methodsOf(text, (name, args) => this.#call(name, args)) as RemoteMethods<C>;
    this.streams = streamsOf(text, (name, args) => untyped.stream(name, args)) as RemoteStreams<C>;
  }

  /** `[RemoteService thermometer]`; so it is logged, too. */
  toString(): string {
    return `[RemoteService ${this.#target.text}]`;
  }

  /** The name or identity it is bound to. */
  toJSON(): string {
    return this.#target.text;
  }

  /**
   * Calls a method. Arguments that cannot travel reject with a RequestError `encoding` or
   * `too-large` before anything is sent; a wrong option rejects with a RangeError. A method that
   * streams its result cannot be called but by `stream`: it rejects with `encoding`.
   */
  call<M extends CallName<C>>(
    method: M,
    ...rest: [] extends Arguments<C, M>
      ? [args?: Arguments<C, M>, options?: CallOptions]
      : [args: Arguments<C, M>, options?: CallOptions]
  ): Promise<Result<C, M>> {
    const [args, options] = rest as [(readonly unknown[])?, CallOptions?];
    return this.#call(method, args, options) as Promise<Result<C, M>>;
  }

  /**
   * Calls a method whose handler is an async generator, or returns an AsyncIterable, and reads the
   * result in parts; see `RemoteStream`. Of any other method the one part is its result.
   *
   * Throws TypeError, RangeError or ClosedError for what is wrong at once; everything else, also
   * arguments that cannot travel, is thrown by the loop over the stream.
   */
  stream<M extends MethodName<C>>(
    method: M,
    ...rest: [] extends Arguments<C, M>
      ? [args?: Arguments<C, M>, options?: StreamOptions]
      : [args: Arguments<C, M>, options?: StreamOptions]
  ): RemoteStream<Part<C, M>> {
    const [args = [], options = {}] = rest as [(readonly unknown[])?, StreamOptions?];
    const core = this.#core;
    const timeoutMs = this.#check(method, args, options.timeout);
    const credit = check.count(options.credit ?? DEFAULT_CREDIT, "credit");
    if (credit > MAX_CREDIT) throw new RangeError(`credit must be at most ${MAX_CREDIT}`);
    const wait = options.wait === true;
    const how = { timeoutMs, wait, prefer: preferred(options.prefer), parts: credit };
    const asked = { target: this.#target, method, how, timeoutMs };
    return new RemoteStream<Part<C, M>>(core, {
      asked,
      signal: check.signal(options.signal),
      arguments: () => encoded(asked, args, core.options.payloadLimit),
    });
  }

  /** Not async: one promise for each call, that of its outcome. */
  #call(
    method: string,
    args: readonly unknown[] = [],
    how: CallOptions = DEFAULTS,
  ): Promise<unknown> {
    try {
      const { timeout, wait, prefer } = how;
      const signal = check.signal(how.signal);
      const core = this.#core;
      const { pending, options } = core;
      const timeoutMs = this.#check(method, args, timeout);
      const sent = { timeoutMs, wait: wait === true, prefer: preferred(prefer), parts: 0 };
      const asked = { target: this.#target, method, how: sent, timeoutMs };
      if (signal?.aborted) return Promise.reject(cancelled(asked, signal, "no"));
      const { kind, bytes } = encoded(asked, args, options.payloadLimit);
      if (how.retry !== true) return pending.send(asked, kind, bytes, signal);
      // The next encoding, or the application, would change them meanwhile.
      const kept = Uint8Array.from(bytes);
      return retrying(core, asked, signal, (left) => {
        core.assertOpen();
        if (signal?.aborted) throw cancelled(asked, signal, "no");
        const again = { ...asked, how: { ...sent, timeoutMs: left } };
        return pending.send(again, kind, kept, signal);
      });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Checks what every request is made of; returns its timeout in milliseconds. */
  #check(method: string, args: readonly unknown[], timeout: number | undefined): number {
    if (!Array.isArray(args)) throw new TypeError("the arguments of a call must be an array");
    check.name(method, "method");
    this.#core.assertOpen();
    return check.timeoutMs(timeout ?? check.DEFAULT_TIMEOUT, this.#core.options.maxTimeout);
  }
}

function encoded(asked: Asked, args: readonly unknown[], limit: number): Encoded {
  try {
    return encodeArguments(args, limit);
  } catch (error) {
    if (error instanceof TooLargeError) {
      const text = `the arguments exceed limits.payload of the caller, which is ${limit} bytes`;
      throw requestError(asked, "too-large", "no", text, error);
    }
    if (error instanceof EncodingError) {
      throw requestError(asked, "encoding", "no", error.message, error);
    }
    throw error;
  }
}
