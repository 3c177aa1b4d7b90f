// Calls of local methods: from INVOKE to the handler, and its result back.

import type { Commands } from "../border/commands.js";
import type { SubscriberDelivery } from "../border/deliveries.js";
import { view } from "../border/memory.js";
import { REQUEST_CODES, STATUS_ERROR, STATUS_FAILURE, STATUS_RESPONSE } from "../border/numbers.js";
import { decodeArguments, encodeContent, KIND_BYTES } from "../content/content.js";
import type { Context } from "../context.js";
import { EncodingError, type NetsvcError, ServiceFailure, TooLargeError } from "../errors.js";
import type { Log } from "../options/log.js";
import type { Invocation } from "./invocation.js";
import { isAsyncIterable, PartSource } from "./part-source.js";
import { Table } from "./table.js";

/** A method's implementation, its types forgotten. */
export type Handler = (context: Context, ...args: unknown[]) => unknown;

/** A local service as far as calls and subscribers concern it. */
export interface LocalService {
  readonly name: string;
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
  readonly #log: Log;

  constructor(commands: Commands, payloadLimit: number, log: Log) {
    this.#commands = commands;
    this.#payloadLimit = payloadLimit;
    this.#log = log;
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
      this.#error(call, "encoding", error instanceof Error ? error.message : String(error));
      return;
    }
    this.#running[call.low] = call;
    let result: unknown;
    try {
      // A single argument of bytes travels as it is; see `encodeArguments`.
      result = args === undefined ? handler(call, bytes) : handler(call, ...args);
    } catch (error) {
      this.#fail(call, error, service);
      return;
    }
    if (result instanceof Uint8Array) {
      this.#succeed(call, result);
      return;
    }
    if (!isThenable(result)) {
      this.#finish(call, result, service);
      return;
    }
    // Promise.resolve also takes thenables of other libraries, whatever they do.
    Promise.resolve(result).then(
      (value) => this.#finish(call, value, service),
      (error) => this.#fail(call, error, service),
    );
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

  #finish(call: Invocation, result: unknown, service: LocalService): void {
    if (isAsyncIterable(result)) this.#stream(call, result, service);
    else this.#succeed(call, result);
  }

  /** Sends an iterator's items as the caller takes them; the empty response ends the stream. */
  #stream(call: Invocation, result: AsyncIterable<unknown>, service: LocalService): void {
    let unencodable: { readonly error: unknown } | undefined;
    let source: PartSource;
    try {
      source = new PartSource(result[Symbol.asyncIterator](), (value) => {
        try {
          const { kind, bytes } = encodeContent(value, this.#payloadLimit);
          this.#commands.part(call, kind, bytes);
          return true;
        } catch (error) {
          unencodable = { error };
          return false;
        }
      });
    } catch (error) {
      this.#fail(call, error, service);
      return;
    }
    if (!call.streamed) {
      source.stop();
      source.ended.catch(() => {}); // nobody asked for what it would have said
      this.#running[call.low] = undefined;
      const message = `${service.name}.${call.method} streams its result: call it by stream()`;
      this.#error(call, "encoding", message);
      return;
    }
    call.attach(source);
    source.ended.then(
      () => {
        this.#running[call.low] = undefined;
        if (unencodable !== undefined) this.#unencodable(call, "a part", unencodable.error);
        else this.#commands.respond(call, STATUS_RESPONSE, KIND_BYTES, NO_BYTES);
      },
      (error) => this.#fail(call, error, service),
    );
  }

  #succeed(call: Invocation, result: unknown): void {
    this.#running[call.low] = undefined;
    const plain = result instanceof Uint8Array && !call.streamed;
    if (plain && result.length > 0 && result.length <= this.#payloadLimit) {
      this.#commands.respond(call, STATUS_RESPONSE, KIND_BYTES, result);
      return;
    }
    try {
      const { kind, bytes } = encodeContent(result, this.#payloadLimit);
      if (call.streamed) {
        // A stream of one part: nothing was sent yet, so there is credit for it.
        this.#commands.part(call, kind, bytes);
        this.#commands.respond(call, STATUS_RESPONSE, KIND_BYTES, NO_BYTES);
      } else {
        this.#commands.respond(call, STATUS_RESPONSE, kind, bytes);
      }
    } catch (error) {
      this.#unencodable(call, "the result", error);
    }
  }

  #fail(call: Invocation, error: unknown, service: LocalService): void {
    this.#running[call.low] = undefined;
    let failure: { code: string; message: string; data?: unknown };
    if (error instanceof ServiceFailure) {
      failure = { code: error.code, message: error.message };
      if (error.data !== undefined) failure.data = error.data;
    } else {
      failure = { code: "error", message: describe(error).slice(0, MAX_MESSAGE) };
      const stack = error instanceof Error ? (error.stack ?? "") : failure.message;
      this.#log.write("info", `${service.name}.${call.method} threw ${stack}`);
    }
    try {
      const { kind, bytes } = encodeContent(failure, this.#payloadLimit);
      this.#commands.respond(call, STATUS_FAILURE, kind, bytes);
    } catch (unencodable) {
      this.#unencodable(call, `the failure ${JSON.stringify(failure.code)}`, unencodable);
    }
  }

  #unencodable(call: Invocation, what: string, error: unknown): void {
    const code = error instanceof TooLargeError ? "too-large" : "encoding";
    const message = error instanceof EncodingError || error instanceof TooLargeError;
    this.#error(call, code, `${what}: ${message ? error.message : "cannot be encoded"}`);
  }

  #error(call: Invocation, code: keyof typeof REQUEST_CODES, message: string): void {
    const bytes = Buffer.from(message.slice(0, MAX_MESSAGE));
    this.#commands.respond(call, STATUS_ERROR, REQUEST_CODES[code], bytes);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as { then?: unknown }).then === "function"
  );
}

/** A message of whatever was thrown; describing it may throw too. */
function describe(error: unknown): string {
  try {
    return error instanceof Error ? String(error.message) : String(error);
  } catch {
    return "an error that cannot be described";
  }
}
