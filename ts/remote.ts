import { type Encoded, encodeArguments } from "./content/content.js";
import { EncodingError, RequestError, TimeoutError, TooLargeError } from "./errors.js";
import type { Core } from "./internal/core.js";
import { cancelled } from "./internal/pending.js";
import { awaitProvider } from "./internal/provider.js";
import type { Target } from "./internal/targets.js";
import * as check from "./options.js";
import type { Arguments, Contract, MethodName, RemoteMethods, Result, Untyped } from "./types.js";

/** Options of a call. */
export interface CallOptions {
  /** Deadline in seconds, at most the registry's `maxTimeout`. Default 5. */
  timeout?: number;
  /**
   * Cancels the request when it aborts: the promise rejects at once (`cancelled`), and the
   * handler's `signal` aborts.
   */
  signal?: AbortSignal;
  /**
   * Without a provider, waits for one within the deadline, connected or not, instead of failing
   * with `no-service` at once.
   */
  wait?: boolean;
}

/** Pause before asking again a provider that was visible and yet gone, in milliseconds. */
const WAIT_PAUSE = 50;

/**
 * A service as its users see it: all providers of a name, or one identity. Never goes stale, holds
 * nothing, needs no closing.
 *
 * Each call settles exactly once: with the method's result, with a `ServiceFailure` the handler
 * threw, or with a `RequestError` whose `delivered` says whether the handler may have seen it. A
 * call by name goes to a provider in this process first, else to the least loaded one.
 */
export class RemoteService<C extends Contract = Untyped> {
  /** The name it is bound to; `undefined` when bound to an identity. */
  readonly name: string | undefined;
  /** The identity it is bound to; `undefined` when bound to a name. */
  readonly identity: string | undefined;
  /** Calls methods with the default options: `await remote.methods.read("C")`. */
  readonly methods: RemoteMethods<C>;
  readonly #core: Core;
  readonly #target: Target;

  /** @internal */
  constructor(core: Core, target: Target) {
    this.#core = core;
    this.#target = target;
    this.name = target.kind === 0 ? target.text : undefined;
    this.identity = target.kind === 1 ? target.text : undefined;
    this.methods = methodsOf(this as unknown as RemoteService) as RemoteMethods<C>;
  }

  /**
   * Calls a method. Arguments that cannot travel reject with a RequestError `encoding` or
   * `too-large` before anything is sent; a wrong option rejects with a RangeError.
   */
  async call<M extends MethodName<C>>(
    method: M,
    ...rest: [] extends Arguments<C, M>
      ? [args?: Arguments<C, M>, options?: CallOptions]
      : [args: Arguments<C, M>, options?: CallOptions]
  ): Promise<Result<C, M>> {
    const [args = [], options = {}] = rest as [(readonly unknown[])?, CallOptions?];
    if (!Array.isArray(args)) throw new TypeError("the arguments of a call must be an array");
    check.name(method, "method");
    const core = this.#core;
    const seconds = options.timeout ?? check.DEFAULT_TIMEOUT;
    const timeoutMs = check.timeoutMs(seconds, core.options.maxTimeout);
    const result = options.wait
      ? this.#callWaiting(method, args, timeoutMs, options.signal)
      : this.#call(method, args, timeoutMs, options.signal);
    return (await result) as Result<C, M>;
  }

  #call(
    method: string,
    args: readonly unknown[],
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    const core = this.#core;
    core.assertOpen();
    return core.pending.add(
      signal,
      (key) => {
        const { kind, bytes } = encoded(args, core.options.payloadLimit);
        core.staging.request(key, timeoutMs, this.#target, method, kind, bytes);
      },
      (key) => core.staging.cancel(key),
    );
  }

  async #callWaiting(
    method: string,
    args: readonly unknown[],
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    const deadline = performance.now() + timeoutMs;
    for (let attempt = 0; ; attempt++) {
      const left = Math.max(1, Math.ceil(deadline - performance.now()));
      try {
        return await this.#call(method, args, left, signal);
      } catch (error) {
        if (!(error instanceof RequestError) || error.code !== "no-service") throw error;
      }
      // Visible here and yet no longer at the hub: its withdrawal is on the way.
      if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, WAIT_PAUSE));
      await this.#provider(deadline - performance.now(), signal);
    }
  }

  async #provider(leftMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) throw cancelled(signal, "no");
    try {
      if (leftMs <= 0) throw new TimeoutError("the deadline passed");
      await awaitProvider(this.#core, this.#target, leftMs, signal);
    } catch (error) {
      if (signal?.aborted) throw cancelled(signal, "no");
      if (!(error instanceof TimeoutError)) throw error;
      throw new RequestError(
        "deadline",
        "no",
        `no service ${this.#target.text} within the deadline`,
      );
    }
  }
}

function encoded(args: readonly unknown[], limit: number): Encoded {
  try {
    return encodeArguments(args, limit);
  } catch (error) {
    if (error instanceof EncodingError || error instanceof TooLargeError) {
      const code = error instanceof TooLargeError ? "too-large" : "encoding";
      throw new RequestError(code, "no", error.message, { cause: error });
    }
    throw error;
  }
}

/**
 * `then` and symbols are undefined, or a handle's methods could not be awaited, compared or
 * printed without calling a method of that name.
 */
function methodsOf(remote: RemoteService): object {
  const methods = new Map<string, (...args: unknown[]) => Promise<unknown>>();
  return new Proxy(Object.create(null) as object, {
    get(_, name) {
      if (typeof name === "symbol" || name === "then") return undefined;
      let method = methods.get(name);
      if (method === undefined) {
        method = (...args) => remote.call(name, args);
        // Names come from the application; a loop over made-up ones must not grow this for ever.
        if (methods.size < MAX_CACHED_METHODS) methods.set(name, method);
      }
      return method;
    },
    set: () => false,
    defineProperty: () => false,
  });
}

const MAX_CACHED_METHODS = 256;
