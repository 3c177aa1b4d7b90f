import { types } from "node:util";
import { encodeContent, KIND_BYTES, unshared } from "./content/content.js";
import type { Context } from "./context.js";
import { ClosedError } from "./errors.js";
import { Emitter } from "./events.js";
import type { Handler, HandlerContext, LocalService } from "./internal/calls.js";
import type { Core } from "./internal/core.js";
import { showAs } from "./internal/shown.js";
import * as check from "./options/checks.js";
import { parseMethods } from "./options/methods.js";
import { coreOf, registry as defaultRegistry, type Registry } from "./registry.js";
import type { ContentOf, Contract, Handlers, SubjectOf, Untyped } from "./types.js";

/** Options of a service. */
export type ServiceOptions<C extends Contract> = {
  /**
   * Who sees it: `"*"` (default) everybody, `""` its own process only, else only those reached over
   * the exchange group of that name.
   */
  audience?: string | undefined;
  /** Service groups it is in from the start. */
  groups?: readonly string[] | undefined;
  /** The registry it belongs to. Default: that of this JavaScript environment. */
  registry?: Registry | undefined;
  /**
   * In which asynchronous context (AsyncLocalStorage) its handlers run, with the steps of what they
   * stream. Default: each in an empty one of its own, whoever calls. `AsyncLocalStorage.snapshot()`
   * gives that of now; `(run, call) => store.run(tenantOf(call.caller), run)` one for each call. It
   * has to call `run` once before it returns, or the call fails.
   */
  context?: ((run: (call?: Context) => void, call: Context) => unknown) | undefined;
} & (Record<never, never> extends Handlers<C>
  ? {
      /** Its methods; see `Handlers`. Functions that the object itself has. */
      methods?: Handlers<C> | undefined;
    }
  : {
      /**
       * Its methods; see `Handlers`. They are functions that the object itself has. Those of a
       * class are named one by one: `{ read: meter.read.bind(meter) }`; an instance that has some
       * by its class is a TypeError, as others would be offered than were meant.
       */
      methods: Handlers<C>;
    });

/** A process with interest in a service's reports. */
export interface Subscriber {
  /** Id of the process. */
  readonly process: string;
  /** Label of the process. */
  readonly label: string;
  readonly pattern: string;
}

/** Events of a service. */
export interface ServiceEvents {
  /** A process subscribed; once per process and pattern however many subscriptions share it. */
  subscribed: Subscriber;
  /** A process ended its interest, or is no longer reachable. */
  unsubscribed: Subscriber;
}

/** Options of `publish`. */
export interface PublishOptions {
  /**
   * How long the report is kept for later subscribers: 0 (default) not at all, which also removes
   * the subject's kept value; seconds; or `Infinity`, as long as the service exists.
   */
  lifetime?: number | undefined;
  /**
   * For one process only: a subscriber, or the id of a process. Its subscriptions that match get
   * the report, nobody else does, and it is never kept: with a `lifetime` it throws TypeError. A
   * process that is not reachable, or does not subscribe, gets nothing; that is no error.
   */
  to?: string | { readonly process: string } | undefined;
}

/** Contents from this size on cross the border at once instead of being packed. In bytes. */
const LARGE_CONTENT = 16 << 10;

/**
 * A service of this process: announced by its constructor, complete with methods and groups, to
 * everybody its audience allows; withdrawn by `close`. It outlives links and does not keep the
 * process alive. Not for subclassing.
 */
export class Service<C extends Contract = Untyped> extends Emitter<ServiceEvents> {
  readonly name: string;
  readonly audience: string;
  /** Process id and counter: survives reconnects, never a restart of this process. */
  readonly identity: string;
  /** Names of its methods; they never change. */
  readonly methods: readonly string[];
  readonly #core: Core;
  readonly #number: number;
  /** Bytes of content that may be packed. */
  readonly #packable: number;
  /** Slot of the subject last published. */
  #subject = 0;
  readonly #groups: Set<string>;
  readonly #subscribers = new Map<string, Subscriber>();
  #closed = false;

  static {
    showAs("Service", Service.prototype);
  }

  /** Throws RangeError or TypeError for wrong arguments, a LimitError above 1,024 services. */
  constructor(
    name: string,
    ...rest: Record<never, never> extends ServiceOptions<C>
      ? [options?: ServiceOptions<C>]
      : [options: ServiceOptions<C>]
  ) {
    const options: ServiceOptions<Untyped> = (rest[0] ?? {}) as ServiceOptions<Untyped>;
    const core = coreOf(options.registry ?? defaultRegistry);
    super((callback, argument) => core.guard(callback, argument));
    if (new.target !== Service) throw new TypeError("Service is not for subclassing");
    this.#core = core;
    this.name = check.name(name, "name");
    this.audience = check.name(options.audience ?? "*", "audience", true);
    this.#groups = new Set((options.groups ?? []).map((group) => check.name(group, "group")));
    const { context } = options;
    if (context !== undefined && typeof context !== "function") {
      throw new TypeError("context must be a function that runs a handler");
    }
    const handlers = parseMethods(options.methods ?? {});
    this.methods = [...handlers.keys()];
    const { no, counter } = core.command((native) =>
      native.createService(this.name, this.audience, [...this.#groups], [...handlers.keys()]),
    );
    this.#number = no;
    this.#packable = Math.min(core.options.payloadLimit, LARGE_CONTENT - 1);
    this.identity = `${core.id}.${counter}`;
    core.calls.services.set(no, this.#local(handlers, context));
  }

  /** Service groups it is in, in the order joined. */
  get groups(): readonly string[] {
    return [...this.#groups];
  }

  /** Processes that want its reports now. Local subscriptions are not among them. */
  get subscribers(): readonly Subscriber[] {
    return [...this.#subscribers.values()];
  }

  /**
   * Publishes a report to whoever wants that subject. Never waits. False: more than 1 MiB is
   * queued, or was when that was last looked up, which is once a turn of the event loop and every
   * 64 KiB; it was published all the same, but a publisher with more to say should await
   * `exchange.flush()`, or reports will be dropped (and counted as `missed`).
   *
   * Throws EncodingError, TooLargeError, a LimitError when no more values can be kept, or a
   * ClosedError.
   */
  publish<S extends SubjectOf<C>>(
    subject: S,
    content: ContentOf<C, S>,
    options?: PublishOptions,
  ): boolean {
    this.#assertOpen();
    check.subject(subject, "subject");
    // Bytes for whoever is there now: by far the most frequent.
    const plain = options === undefined && types.isUint8Array(content);
    const packs = plain && content.length > 0 && content.length <= this.#packable;
    if (!packs) return this.#publish(subject, content, options);
    return this.#pack(subject, KIND_BYTES, content);
  }

  /** Joins a service group; false: it was in it. */
  join(group: string): boolean {
    this.#assertOpen();
    check.name(group, "group");
    const joined = this.#core.command((native) => native.join(this.#number, group));
    this.#groups.add(group);
    return joined;
  }

  /** Leaves a service group; false: it was not in it. */
  leave(group: string): boolean {
    this.#assertOpen();
    check.name(group, "group");
    const left = this.#core.command((native) => native.leave(this.#number, group));
    this.#groups.delete(group);
    return left;
  }

  /**
   * Withdraws the service at once: its callers get `lost`, its handlers' signals abort, its kept
   * values are gone. Handlers under way run on; nobody waits for them.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const core = this.#core;
    core.calls.services.delete(this.#number);
    this.#subscribers.clear();
    if (core.open) core.command((native) => native.closeService(this.#number));
  }

  /** What it is, for `JSON.stringify` and logs; so it is printed, too. */
  toJSON(): object {
    const { name, identity, audience, groups, methods, subscribers } = this;
    const closed = this.#closed || !this.#core.open;
    return { name, identity, audience, groups, methods, subscribers, closed };
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  #publish(subject: string, content: unknown, options: PublishOptions = {}): boolean {
    const core = this.#core;
    const lifetime = check.lifetimeMs(options.lifetime);
    const to = options.to === undefined ? undefined : receiver(options.to);
    if (to !== undefined && lifetime !== 0) {
      throw new TypeError("a report to one subscriber is never kept: it has no lifetime");
    }
    const { kind, bytes } = encodeContent(content, core.options.payloadLimit);
    if (to !== undefined) {
      const own = unshared(bytes);
      return core.command((native) => native.publishTo(this.#number, subject, kind, own, to));
    }
    if (lifetime !== 0 || bytes.length >= LARGE_CONTENT) {
      const own = unshared(bytes);
      return core.command((native) => native.publish(this.#number, subject, kind, own, lifetime));
    }
    return this.#pack(subject, kind, bytes);
  }

  #pack(subject: string, kind: number, bytes: Uint8Array): boolean {
    const core = this.#core;
    this.#subject = core.commands.publish(this.#number, subject, this.#subject, kind, bytes);
    return core.flowing;
  }

  #local(
    handlers: ReadonlyMap<string, Handler>,
    context: HandlerContext | undefined,
  ): LocalService {
    return {
      name: this.name,
      context,
      handler: (method) => handlers.get(method),
      subscriber: (present, subscriber) => {
        const key = `${subscriber.process} ${subscriber.pattern}`;
        if (present) this.#subscribers.set(key, subscriber);
        else this.#subscribers.delete(key);
        this.emit(present ? "subscribed" : "unsubscribed", subscriber);
      },
    };
  }

  #assertOpen(): void {
    if (this.#closed) throw new ClosedError("the service");
    this.#core.assertOpen();
  }
}

/** Process id of whom a report is for. */
function receiver(to: string | { readonly process: string }): string {
  const process: unknown = typeof to === "string" ? to : to?.process;
  if (typeof process === "string" && /^[0-9a-f]{32}$/.test(process)) return process;
  throw new TypeError("to must be a subscriber, or the id of a process: 32 hexadecimal digits");
}
