// One registry on this side of the border: tables from the border's numbers to the objects that
// applications hold, and what those objects share. Made on the registry's first use.

import { Bridge } from "../border/bridge.js";
import { Budget } from "../border/budget.js";
import { abortError, deliveredOf, listenError } from "../border/codes.js";
import type { Commands } from "../border/commands.js";
import type { LinkDelivery, Sink, SubscriberDelivery } from "../border/deliveries.js";
import { environment } from "../border/environment.js";
import type { NativeRegistry } from "../border/native.js";
import type { Change } from "../change.js";
import { ClosedError, type Delivered, type NetsvcError, RequestError } from "../errors.js";
import type { HandlerError } from "../handler-error.js";
import type { Io, IoMode } from "../options/io.js";
import type { Log } from "../options/log.js";
import type { Report } from "../report.js";
import { apart, inEmptyContext } from "./async-context.js";
import { Calls } from "./calls.js";
import { HandlerErrors } from "./handler-errors.js";
import type { Invocation } from "./invocation.js";
import type { OpenWork } from "./open-work.js";
import { Pending } from "./pending.js";
import { sharedController } from "./signals.js";
import { Table } from "./table.js";
import { watchRejection } from "./thenable.js";
import { messageOf } from "./thrown.js";
import { setImmediate } from "./timers.js";
import { Waits } from "./waits.js";

/** An exchange as its deliveries concern it. */
export interface ExchangeSink {
  link(delivery: LinkDelivery): void;
  closed(): void;
}

/** A subscription or watch as its deliveries concern it. */
export interface FeedSink<Item> {
  push(item: Item): void;
  end(): void;
}

/** What an application set on the registry. */
export interface CoreOptions {
  readonly label: string;
  readonly limits: Record<string, number>;
  readonly io: Io;
  /** Largest content in bytes. */
  readonly payloadLimit: number;
  /** In seconds. */
  readonly maxTimeout: number;
  /** In seconds. */
  readonly maxRetry: number;
  readonly log: Log;
  /** Reports what user code threw. */
  readonly callbackFailed: (error: unknown) => void;
  /** Tells of a handler that failed. */
  readonly handlerFailed: (failure: HandlerError) => void;
}

/** Queued bytes above which `publish` returns false; the core's own mark. */
const HIGH_WATER = 1 << 20;

export class Core implements Sink {
  readonly id: string;
  readonly options: CoreOptions;
  readonly io: IoMode;
  readonly work: OpenWork;
  readonly pending: Pending;
  readonly calls: Calls;
  readonly commands: Commands;
  readonly exchanges: Map<number, ExchangeSink> = new Map();
  readonly subscriptions: Table<FeedSink<Report>> = new Table();
  readonly watches: Table<FeedSink<Change>> = new Table();
  /** `listen` by token: the addresses. */
  readonly listens: Waits<string[]>;
  /** `flush` by number: how it ended. */
  readonly flushes: Waits<number>;
  /** What else must end with the registry, such as `waitFor`. */
  readonly closers: Set<(error: NetsvcError) => void> = new Set();
  readonly #bridge: Bridge;
  readonly #gone = new Map<string, AbortController>();
  #lastToken = 0;
  #allClosed: () => void = () => {};
  #open = true;

  constructor(options: CoreOptions) {
    const shared = environment(options.io);
    this.options = options;
    this.io = shared.native.io;
    this.work = shared.work;
    this.#bridge = new Bridge(shared, options, this);
    this.id = this.#bridge.id;
    this.commands = this.#bridge.commands;
    this.pending = new Pending(this.work, this.commands, (key) => this.#cancel(key));
    this.listens = new Waits(this.work);
    this.flushes = new Waits(this.work);
    const errors = new HandlerErrors(options.log, options.handlerFailed);
    this.calls = new Calls(this.commands, options.payloadLimit, errors);
  }

  /** False once `close` was called. */
  get open(): boolean {
    return this.#open;
  }

  assertOpen(): void {
    if (!this.#open) throw new ClosedError("the registry");
  }

  /** Runs a synchronous native command, in order with the packed ones. */
  command<T>(run: (native: NativeRegistry) => T): T {
    this.assertOpen();
    return this.#bridge.command(run);
  }

  /** A number for the next `listens`. */
  nextToken(): number {
    this.#lastToken = (this.#lastToken + 1) >>> 0;
    return this.#lastToken;
  }

  /** Whether a publisher may go on: false above 1 MiB queued. */
  get flowing(): boolean {
    const { commands } = this;
    if (commands.queued <= HIGH_WATER) return true;
    // What was queued when commands last crossed may have left meanwhile: look again before a no.
    if (!commands.fresh) this.#bridge.flush();
    return commands.queued <= HIGH_WATER;
  }

  /** Ends everything: what is local at once, exchanges after `drain`. */
  async close(drain: number): Promise<void> {
    if (!this.#open) return;
    this.work.add();
    try {
      this.command((native) => native.close(drain));
      this.#open = false;
      for (const feed of [...this.subscriptions.all(), ...this.watches.all()]) feed.end();
      for (const close of [...this.closers]) close(new ClosedError("the registry"));
      if (this.exchanges.size > 0) {
        await new Promise<void>((resolve) => {
          this.#allClosed = resolve;
        });
      }
      // What the core still has to tell is told before the rest is given up.
      while (inEmptyContext(() => this.#bridge.deliver(new Budget()))) await turn();
    } finally {
      this.#end();
      this.work.remove();
    }
  }

  // ---- deliveries

  report(subscription: number, report: Report): void {
    this.subscriptions.get(subscription)?.push(report);
  }

  invoke(
    call: Invocation,
    service: number,
    kind: number,
    buffer: ArrayBuffer,
    offset: number,
    length: number,
  ): void {
    this.calls.invoke(call, service, kind, buffer, offset, length);
  }

  abort(low: number, high: number, reason: number): void {
    this.calls.abort(low, high, () => abortError(reason));
  }

  credit(low: number, high: number, parts: number): void {
    this.calls.credit(low, high, parts);
  }

  part(key: number, kind: number, buffer: ArrayBuffer, offset: number, length: number): void {
    this.pending.part(key, kind, buffer, offset, length);
  }

  outcome(
    key: number,
    status: number,
    kind: number,
    delivered: number,
    buffer: ArrayBuffer,
    offset: number,
    length: number,
  ): void {
    this.pending.settle(key, status, kind, delivered, buffer, offset, length);
  }

  overdue(key: number, delivered: number): void {
    this.pending.overdue(key, deliveredOf(delivered));
  }

  change(watch: number, change: Change): void {
    this.watches.get(watch)?.push(change);
  }

  link(delivery: LinkDelivery): void {
    this.exchanges.get(delivery.exchange)?.link(delivery);
  }

  exchangeClosed(exchange: number): void {
    const closed = this.exchanges.get(exchange);
    this.exchanges.delete(exchange);
    closed?.closed();
    if (this.exchanges.size === 0) this.#allClosed();
  }

  flushed(flush: number, result: number): void {
    this.flushes.resolve(flush, result);
  }

  processGone(process: string): void {
    const controller = this.#gone.get(process);
    this.#gone.delete(process);
    if (controller !== undefined) apart(abort, controller);
  }

  subscriber(service: number, present: boolean, subscriber: SubscriberDelivery): void {
    this.calls.services.get(service)?.subscriber(present, subscriber);
  }

  listening(token: number, ok: boolean, strings: string[]): void {
    if (ok) this.listens.resolve(token, strings);
    else this.listens.reject(token, listenError(strings[0] ?? "io", strings[1] ?? "failed"));
  }

  commandFailed(_op: number, count: number, code: string, message: string): void {
    const more = count > 1 ? ` (and ${count - 1} more)` : "";
    this.options.log.write("error", `${message} [${code}]${more}`);
  }

  submitFailed(error: unknown): void {
    // What was packed is lost, and nobody knows which requests were among it: none may hang.
    const text = "the request was lost";
    this.pending.end({ code: "lost", delivered: "unknown", text, cause: error });
    // At the exit of the process, the native side may be closed already.
    if (Object(error).code !== "closed") this.failed(error);
  }

  failed(error: unknown): void {
    this.options.log.write("error", `internal error: ${messageOf(error)}`);
  }

  // ---- for the objects applications hold

  /** Runs user code; what it throws is reported and goes no further. */
  guard<T>(callback: (argument: T) => void, argument: T): void {
    try {
      // An async callback's rejection is the same mistake as a throw.
      watchRejection(callback(argument), this.options.callbackFailed);
    } catch (error) {
      this.options.callbackFailed(error);
    }
  }

  /** A signal that aborts when a process is no longer reachable. */
  gone(process: string): AbortSignal {
    let controller = this.#gone.get(process);
    if (controller !== undefined) return controller.signal;
    controller = sharedController();
    // This process itself stays reachable until the registry closes.
    if (process === this.id ? this.#open : this.#track(process)) {
      this.#gone.set(process, controller);
    } else {
      controller.abort(gone());
    }
    return controller.signal;
  }

  /** Gives a request up; says whether it may have been delivered. */
  #cancel(key: number): Delivered {
    // An abort listener must not throw: that would be an uncaught exception.
    try {
      if (this.#open) return deliveredOf(this.command((native) => native.cancel(key)));
    } catch (error) {
      if (!(error instanceof ClosedError)) this.failed(error);
    }
    return "unknown";
  }

  #track(process: string): boolean {
    return this.#open && this.command((native) => native.track(process));
  }

  #end(): void {
    this.#open = false;
    this.#bridge.close();
    this.pending.end({ code: "lost", delivered: "unknown", text: "the registry was closed" });
    this.calls.end(() => new ClosedError("the registry"));
    this.listens.end(new ClosedError("the registry"));
    this.flushes.end(new ClosedError("the registry"));
    for (const exchange of this.exchanges.values()) exchange.closed();
    this.exchanges.clear();
    for (const controller of this.#gone.values()) apart(abort, controller);
    this.#gone.clear();
  }
}

/** Its listeners are code of the application. */
function abort(controller: AbortController): void {
  controller.abort(gone());
}

function gone(): RequestError {
  return new RequestError("lost", "yes", "the caller's process is no longer reachable");
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
