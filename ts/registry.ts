import { PackedReader } from "./border/packed.js";
import type { Change } from "./change.js";
import { ClosedError, NetsvcError } from "./errors.js";
import { Emitter } from "./events.js";
import type { HandlerError } from "./handler-error.js";
import { Core } from "./internal/core.js";
import { awaitProvider } from "./internal/provider.js";
import { showAs } from "./internal/shown.js";
import {
  parseFilter,
  parseSubscriptionTarget,
  parseTarget,
  type ServiceFilter,
  type ServiceTarget,
} from "./internal/targets.js";
import { watchRejection } from "./internal/thenable.js";
import { stackOf } from "./internal/thrown.js";
import * as check from "./options/checks.js";
import { type Io, type IoMode, parseIo } from "./options/io.js";
import { defaultLabel } from "./options/label.js";
import { DEFAULT_PAYLOAD, type Limits, parseLimits } from "./options/limits.js";
import { checkLog, Log, type LogOption } from "./options/log.js";
import { RemoteService } from "./remote.js";
import type { ServiceInfo } from "./service-info.js";
import { Subscription, type SubscriptionOptions, type SubscriptionTarget } from "./subscription.js";
import type { Contract, ReportOf, Untyped } from "./types.js";
import { Watch, type WatchOptions } from "./watch.js";

/** Options of a registry. */
export interface RegistryOptions {
  /**
   * What others see as the name of this process. Default: the environment variable NETSVC_LABEL,
   * at most 200 bytes, else `host:pid`; `#n` follows for further ones, `#w1`, … in workers.
   */
  label?: string | undefined;
  /** Bounds of its memory. */
  limits?: Limits | undefined;
  /**
   * Who waits for sockets. Default: the environment variable NETSVC_IO, else `auto`. Anything else
   * is a NetsvcError with code `invalid`; for the variable, on the registry's first use.
   */
  io?: Io | undefined;
  /** Longest `timeout` that calls accept, in seconds. Default 300, a guard against milliseconds. */
  maxTimeout?: number | undefined;
  /**
   * Longest `retry` that `connect` accepts, in seconds, at most a year. Default 300, a guard
   * against milliseconds.
   */
  maxRetry?: number | undefined;
  /** A level (default `warn`, or the environment variable NETSVC_LOG), or where messages go. */
  log?: LogOption | undefined;
  /** The first listener of the event `callbackError`. */
  callbackError?: ((error: unknown) => void) | undefined;
}

/** Events of a registry. */
export interface RegistryEvents {
  /**
   * A callback or listener threw, or its promise rejected. Without a listener for this event it
   * becomes a warning of the process.
   */
  callbackError: unknown;
  /**
   * A handler of a service of this registry threw, or rejected with, something else than a
   * ServiceFailure, or what it returned cannot travel. It is logged at level `error` as well, up to
   * ten times a minute for each method. Not told: failures on purpose (ServiceFailure), and
   * whatever a handler ends with after its `signal` has aborted.
   */
  handlerError: HandlerError;
}

/** Options of `registry.waitFor`. */
export interface WaitOptions {
  /** Seconds until it rejects with a TimeoutError. Default: it waits as long as it takes. */
  timeout?: number | undefined;
  /** Rejects with a CancelledError when it aborts. */
  signal?: AbortSignal | undefined;
}

/** The core of a registry, made on its first use. @internal */
export let coreOf: (registry: Registry) => Core;

/** Gives a registry that is not in use other options, and takes back that it was closed. */
let begin: (registry: Registry, options: RegistryOptions) => void;

/** Options of a registry, checked. */
interface Settings {
  readonly given: RegistryOptions;
  readonly maxTimeout: number;
  readonly maxRetry: number;
  readonly limits: Record<string, number>;
}

/**
 * The services visible to this process, and the way to them. To everybody else each registry is a
 * process of its own; those of one process see each other only over exchanges.
 *
 * Nothing happens before its first use: no addon is loaded, no thread is started.
 */
export class Registry extends Emitter<RegistryEvents> {
  #settings: Settings;
  /** Found once: it stays the same when the registry begins anew. */
  #defaultLabel: string | undefined;
  #core: Core | undefined;
  #closing: Promise<void> | undefined;
  #closed = false;

  static {
    coreOf = (registry) => registry.#use();
    begin = (registry, options) => registry.#begin(options);
    showAs("Registry", Registry.prototype);
  }

  constructor(options: RegistryOptions = {}) {
    let failed = warn;
    super((listener, argument, event) => {
      // What a listener of `callbackError` throws must not come back to it.
      const report = event === "callbackError" ? warn : failed;
      try {
        watchRejection(listener(argument), report);
      } catch (thrown) {
        report(thrown);
      }
    });
    failed = (error) => this.#callbackFailed(error);
    this.#settings = settings(options);
    if (options.callbackError !== undefined) this.on("callbackError", options.callbackError);
  }

  /** Id of this process: 32 hexadecimal digits, random. */
  get id(): string {
    return this.#use().id;
  }

  /** What others see as the name of this process. */
  get label(): string {
    return this.#use().options.label;
  }

  /** Where sockets are read here, which depends on the option `io` and on the platform. */
  get io(): IoMode {
    return this.#use().io;
  }

  /**
   * A handle to call services by: of a name, whoever provides it at the time of each call; or of
   * one identity. It never goes stale and needs no provider to exist.
   */
  service<C extends Contract = Untyped>(target: ServiceTarget): RemoteService<C> {
    return new RemoteService<C>(this.#use(), parseTarget(target));
  }

  /**
   * The handle of `service`, once a provider is visible. Rejects with a TimeoutError, a
   * CancelledError, or a ClosedError when the registry closes. Keeps the process alive meanwhile.
   */
  async waitFor<C extends Contract = Untyped>(
    target: ServiceTarget,
    options: WaitOptions = {},
  ): Promise<RemoteService<C>> {
    const core = this.#use();
    const parsed = parseTarget(target);
    const timeoutMs =
      options.timeout === undefined
        ? undefined
        : check.timeoutMs(options.timeout, core.options.maxTimeout);
    await awaitProvider(core, parsed, timeoutMs, check.signal(options.signal));
    return new RemoteService<C>(core, parsed);
  }

  /** The services visible now that fit, oldest first. A string is a name; nothing means all. */
  lookup(filter?: string | ServiceFilter): ServiceInfo[] {
    const { name, identity, group } = parseFilter(filter);
    const packed = this.#use().command((native) => native.lookup(name, identity, group));
    return new PackedReader(packed).services();
  }

  /**
   * Tells of services that fit as they come and go, to a callback or, without one, by iteration.
   * In force from this call; see `Watch`.
   */
  watch(filter?: string | ServiceFilter, options?: WatchOptions): Watch;
  watch(
    filter: string | ServiceFilter | undefined,
    callback: (change: Change) => void,
    options?: WatchOptions,
  ): Watch;
  watch(
    filter?: string | ServiceFilter,
    callbackOrOptions?: ((change: Change) => void) | WatchOptions,
    rest: WatchOptions = {},
  ): Watch {
    const parsed = parseFilter(filter);
    return typeof callbackOrOptions === "function"
      ? new Watch(this.#use(), parsed, callbackOrOptions, rest)
      : new Watch(this.#use(), parsed, undefined, callbackOrOptions ?? {});
  }

  /**
   * Gets reports whose subject matches `pattern` (`*` any run of characters, also across dots; `?`
   * exactly one; the whole subject; case-sensitive), by a callback or, without one, by iteration.
   * In force from this call; see `Subscription`. Throws a LimitError above 4,096 interests.
   */
  subscribe<C extends Contract = Untyped>(
    target: SubscriptionTarget,
    pattern?: string,
    options?: SubscriptionOptions,
  ): Subscription<ReportOf<C>>;
  subscribe<C extends Contract = Untyped>(
    target: SubscriptionTarget,
    pattern: string,
    callback: (report: ReportOf<C>) => void,
    options?: SubscriptionOptions,
  ): Subscription<ReportOf<C>>;
  subscribe<C extends Contract = Untyped>(
    target: SubscriptionTarget,
    pattern = "*",
    callbackOrOptions: ((report: ReportOf<C>) => void) | SubscriptionOptions = {},
    rest: SubscriptionOptions = {},
  ): Subscription<ReportOf<C>> {
    const parsed = parseSubscriptionTarget(target);
    check.subject(pattern, "pattern");
    return typeof callbackOrOptions === "function"
      ? new Subscription(this.#use(), parsed, pattern, callbackOrOptions, rest)
      : new Subscription(this.#use(), parsed, pattern, undefined, callbackOrOptions);
  }

  /**
   * Ends everything: services, subscriptions and watches at once, exchanges after what is queued
   * left within `drain` seconds (5), pending requests with an error. Nothing can be done with this
   * registry afterwards. Closing again waits for the same.
   */
  close(options: { drain?: number | undefined } = {}): Promise<void> {
    const drain = check.drainMs(options.drain);
    this.#closing ??= (this.#core?.close(drain) ?? Promise.resolve()).finally(() => {
      this.#closed = true;
    });
    return this.#closing;
  }

  /**
   * What it is, for `JSON.stringify` and logs; so it is printed, too. As long as it was not used,
   * it has no id, and looking at it is no use.
   */
  toJSON(): object {
    const state = this.#closing !== undefined ? "closed" : this.#core ? "open" : "unused";
    const { id, io } = this.#core ?? {};
    return { state, label: this.#core?.options.label ?? this.#settings.given.label, id, io };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #callbackFailed(error: unknown): void {
    if (!this.emit("callbackError", error)) warn(error);
  }

  #use(): Core {
    if (this.#closing !== undefined) throw new ClosedError("the registry");
    if (this.#core === undefined) {
      const { given, limits, maxTimeout, maxRetry } = this.#settings;
      const label = given.label ?? this.#ownLabel();
      this.#core = new Core({
        label,
        limits,
        io: parseIo(given.io),
        payloadLimit: limits.payload ?? DEFAULT_PAYLOAD,
        maxTimeout,
        maxRetry,
        log: new Log(label, given.log),
        callbackFailed: (error) => this.#callbackFailed(error),
        handlerFailed: (failure) => this.emit("handlerError", failure),
      });
    }
    return this.#core;
  }

  #ownLabel(): string {
    this.#defaultLabel ??= defaultLabel();
    return this.#defaultLabel;
  }

  #begin(options: RegistryOptions): void {
    const parsed = settings(options);
    const closing = this.#closing !== undefined;
    if (closing ? !this.#closed : this.#core !== undefined) {
      const now = closing ? "is closing" : "is in use";
      throw new NetsvcError(
        "in-use",
        `the default registry ${now}: call configure before its first use, or once ` +
          "`await registry.close()` is done",
      );
    }
    this.#settings = parsed;
    this.#core = undefined;
    this.#closing = undefined;
    this.#closed = false;
  }
}

function settings(given: RegistryOptions): Settings {
  const { label, limits, io, maxTimeout, maxRetry } = given;
  const parsed = {
    maxTimeout: check.maxTimeout(maxTimeout),
    maxRetry: check.maxRetry(maxRetry),
    limits: parseLimits(limits),
  };
  if (io !== undefined) parseIo(io);
  if (label !== undefined) check.name(label, "label");
  checkLog(given.log);
  return { given, ...parsed };
}

/** The default registry of this JavaScript environment (the main thread, or one worker). */
export const registry: Registry = new Registry();

/** Options of `configure`: those of a registry. Its events have listeners by `registry.on`. */
export type DefaultOptions = Omit<RegistryOptions, "callbackError">;

/**
 * Sets the options of the default registry, in place of those of an earlier call.
 *
 * Before its first use: that is before anything is made that belongs to it, an exchange or service,
 * and before it is asked for anything. Or after `registry.close()` has resolved, with options or
 * without: then it can be used again, with a new id, as by a new process. Tests may so begin each
 * with a registry of their own. What belonged to it before stays closed; listeners stay.
 *
 * Throws a NetsvcError `in-use` at any other time; RangeError or a NetsvcError `invalid` for wrong
 * options. Nothing has changed then.
 */
export function configure(options: DefaultOptions = {}): void {
  begin(registry, options);
}

/** Something of the application threw where nobody awaits it. */
function warn(error: unknown): void {
  process.emitWarning(`a callback threw ${stackOf(error)}`, { type: "NetsvcCallbackWarning" });
}
