// Calls of local methods: from INVOKE to the handler, and its result back.

import { types } from "node:util";
import type { Commands } from "../border/commands.js";
import type { SubscriberDelivery } from "../border/deliveries.js";
import { view } from "../border/memory.js";
import { REQUEST_CODES, STATUS_ERROR, STATUS_FAILURE, STATUS_RESPONSE } from "../border/numbers.js";
import { decodeArguments, encodeContent, KIND_BYTES } from "../content/content.js";
import type { Context } from "../context.js";
import { EncodingError, type NetsvcError, ServiceFailure, TooLargeError } from "../errors.js";
import { apart } from "./async-context.js";
import type { HandlerErrors } from "./handler-errors.js";
import type { Invocation } from "./invocation.js";
import { isAsyncIterable, PartSource, UnsentPart } from "./part-source.js";
import { Table } from "./table.js";
import { isThenable, watchRejection } from "./thenable.js";
import { messageOf } from "./thrown.js";

/** A method's implementation, its types forgotten. */
export type Handler = (context: Context, ...args: unknown[]) => unknown;

/** What runs a handler: it has to call `run` once, before it returns. */
export type HandlerContext = (run: (call?: Context) => void, call: Context) => unknown;

/** A local service as far as calls and subscribers concern it. */
export interface LocalService {
  readonly name: string;
  /** Runs each handler in the context of the application's choice. */
  readonly context: HandlerContext | undefined;
  handler(method: string): Handler | undefined;
  subscriber(present: boolean, subscriber: SubscriberDelivery): void;
}

/** Of what a handler threw, at most so much reaches the caller. In UTF-16 units. */
const MAX_MESSAGE = 4096;
const NO_BYTES = new Uint8Array();

/** Local services by number, and their running calls. */
export class Calls {
  readonly services: Table<LocalService> = new Table();
  /** By the low half of the call's number: its slot, held by one call at a time. */
  readonly #running: Array<Invocation | undefined> = [];
  readonly #commands: Commands;
  readonly #payloadLimit: number;
  readonly #errors: HandlerErrors;

  constructor(commands: Commands, payloadLimit: number, errors: HandlerErrors) {
    this.#commands = commands;
    this.#payloadLimit = payloadLimit;
    this.#errors = errors;
  }

  /** Runs a handler of a service. Whatever happens, exactly one RESPOND follows. */
  invoke(
    call: Invocation,
    number: number,
    kind: number,
    buffer: ArrayBuffer,
    offset: number,
    length: number,
  ): void {
    const service = this.services.get(number);
    const handler = service?.handler(call.method);
    if (service === undefined) {
      this.#error(call, "lost", "the service was closed");
      return;
    }
    if (handler === undefined) {
      this.#error(call, "no-method", `${service.name} has no method ${call.method}`);
      return;
    }
    let bytes: Uint8Array;
    let args: unknown[] | undefined;
    try {
      bytes = view(buffer, offset, length);
      args = kind === KIND_BYTES ? undefined : decodeArguments(kind, bytes);
    } catch (error) {
      this.#error(call, "encoding", (error as Error).message);
      return;
    }
    this.#running[call.low] = call;
    // A single argument of bytes travels as it is; see `encodeArguments`.
    const run = (): void => this.#run(call, handler, args ?? [bytes], service);
    // With the result, which may run code of the application as well. Neither throws.
    if (service.context === undefined) apart(run);
    else apart(() => this.#runWithin(service, call, run));
  }

  /** Runs a handler by the option `context` of its service, which may do anything. */
  #runWithin(service: LocalService, call: Invocation, run: () => void): void {
    let pending = true;
    try {
      const returned = service.context?.(() => {
        if (!pending) return;
        pending = false;
        // Of its own, too: others may be given the same one.
        apart(run);
      }, call);
      // A promise comes too late in any case.
      watchRejection(returned, () => {});
    } catch (error) {
      if (pending) this.#fail(call, error, service);
      pending = false;
    }
    if (!pending) return;
    pending = false;
    const message = `the option context of ${service.name} did not run the handler at once`;
    this.#fail(call, new Error(message), service);
  }

  #run(call: Invocation, handler: Handler, args: unknown[], service: LocalService): void {
    let result: unknown;
    try {
      result = handler(call, ...args);
    } catch (error) {
      this.#fail(call, error, service);
      return;
    }
    this.#returned(call, result, service);
  }

  /** The caller of a streaming call takes further parts. */
  credit(low: number, high: number, parts: number): void {
    const call = this.#running[low];
    if (call?.high === high) call.grant(parts);
  }

  /** Nobody waits for that call any more. */
  abort(low: number, high: number, reason: () => NetsvcError): void {
    const call = this.#running[low];
    if (call?.high === high) call.abort(reason());
  }

  /** Nobody waits for any call any more. */
  end(reason: () => NetsvcError): void {
    // Not those that an abort listener begins, hence a copy.
    for (const call of this.#running.slice()) call?.abort(reason());
    this.#running.length = 0;
    this.services.clear();
  }

  /** A handler returned that, which may be anything: reading it may throw, or run other code. */
  #returned(call: Invocation, result: unknown, service: LocalService): void {
    if (types.isUint8Array(result)) {
      this.#succeed(call, result, service);
      return;
    }
    let waits: boolean;
    try {
      waits = isThenable(result);
    } catch (error) {
      this.#unencodable(call, "the result", error, service);
      return;
    }
    if (waits) void this.#settle(call, result as PromiseLike<unknown>, service);
    else this.#finish(call, result, service);
  }

  // `await` reads a promise once and settles once, whatever its `then` or `constructor` do.
  async #settle(
    call: Invocation,
    result: PromiseLike<unknown>,
    service: LocalService,
  ): Promise<void> {
    let value: unknown;
    try {
      value = await result;
    } catch (error) {
      this.#fail(call, error, service);
      return;
    }
    this.#finish(call, value, service);
  }

  #finish(call: Invocation, result: unknown, service: LocalService): void {
    let streams: boolean;
    try {
      streams = isAsyncIterable(result);
    } catch (error) {
      this.#unencodable(call, "the result", error, service);
      return;
    }
    if (streams) this.#stream(call, result as AsyncIterable<unknown>, service);
    else this.#succeed(call, result, service);
  }

  /** Sends an iterator's items as the caller takes them; the empty response ends the stream. */
  #stream(call: Invocation, result: AsyncIterable<unknown>, service: LocalService): void {
    let iterator: AsyncIterator<unknown>;
    try {
      iterator = result[Symbol.asyncIterator]();
    } catch (error) {
      this.#fail(call, error, service);
      return;
    }
    let source: PartSource;
    try {
      source = new PartSource(iterator, (value) => {
        const { kind, bytes } = encodeContent(value, this.#payloadLimit);
        this.#commands.part(call, kind, bytes);
      });
    } catch (error) {
      this.#unencodable(call, "the result", error, service);
      return;
    }
    if (!call.streamed) {
      source.stop();
      source.ended.catch(() => {}); // nobody asked for what it would have said
      const message = `${service.name}.${call.method} streams its result: call it by stream()`;
      this.#error(call, "encoding", message);
      return;
    }
    call.attach(source);
    source.ended.then(
      () => {
        this.#running[call.low] = undefined;
        this.#commands.respond(call, STATUS_RESPONSE, KIND_BYTES, NO_BYTES);
      },
      (error) => {
        if (error instanceof UnsentPart) this.#unencodable(call, "a part", error.cause, service);
        else this.#fail(call, error, service);
      },
    );
  }

  #succeed(call: Invocation, result: unknown, service: LocalService): void {
    this.#running[call.low] = undefined;
    try {
      const plain = types.isUint8Array(result) && !call.streamed;
      if (plain && result.length > 0 && result.length <= this.#payloadLimit) {
        this.#commands.respond(call, STATUS_RESPONSE, KIND_BYTES, result);
        return;
      }
      const { kind, bytes } = encodeContent(result, this.#payloadLimit);
      if (call.streamed) {
        // A stream of one part: nothing was sent yet, so there is credit for it.
        this.#commands.part(call, kind, bytes);
        this.#commands.respond(call, STATUS_RESPONSE, KIND_BYTES, NO_BYTES);
      } else {
        this.#commands.respond(call, STATUS_RESPONSE, kind, bytes);
      }
    } catch (error) {
      this.#unencodable(call, "the result", error, service);
    }
  }

  #fail(call: Invocation, error: unknown, service: LocalService): void {
    this.#running[call.low] = undefined;
    const onPurpose = error instanceof ServiceFailure;
    if (!onPurpose) this.#note(call, error, service);
    let what = "what the handler threw";
    try {
      const failure = onPurpose ? failureOf(error) : unexpected(error);
      what = `the failure ${JSON.stringify(failure.code)}`;
      const { kind, bytes } = encodeContent(failure, this.#payloadLimit);
      this.#commands.respond(call, STATUS_FAILURE, kind, bytes);
    } catch (unencodable) {
      if (onPurpose) this.#note(call, unencodable, service);
      this.#refuse(call, what, unencodable);
    }
  }

  /** Tells this process of a handler's mistake. What ends a call that was given up is none. */
  #note(call: Invocation, error: unknown, service: LocalService): void {
    if (!call.isAborted) this.#errors.note(service, call.method, error);
  }

  /** What a handler returned cannot travel, or cannot even be read. */
  #unencodable(call: Invocation, what: string, error: unknown, service: LocalService): void {
    this.#note(call, error, service);
    this.#refuse(call, what, error);
  }

  #refuse(call: Invocation, what: string, error: unknown): void {
    if (error instanceof TooLargeError) {
      const limit = `limits.payload of the provider, which is ${this.#payloadLimit} bytes`;
      this.#error(call, "too-large", `${what} exceeds ${limit}`);
      return;
    }
    const message = error instanceof EncodingError ? error.message : "cannot be encoded";
    this.#error(call, "encoding", `${what}: ${message}`);
  }

  #error(call: Invocation, code: keyof typeof REQUEST_CODES, message: string): void {
    this.#running[call.low] = undefined;
    const bytes = Buffer.from(message.slice(0, MAX_MESSAGE));
    this.#commands.respond(call, STATUS_ERROR, REQUEST_CODES[code], bytes);
  }
}

interface Failure {
  code: string;
  message: string;
  data?: unknown;
}

/** What travels of a failure on purpose. */
function failureOf({ code, message, data }: ServiceFailure): Failure {
  return data === undefined ? { code, message } : { code, message, data };
}

/** What travels of anything else. It is for people, so it is cut rather than refused. */
function unexpected(error: unknown): Failure {
  return { code: "error", message: messageOf(error).slice(0, MAX_MESSAGE).toWellFormed() };
}
