/**
 * What netsvc throws and rejects with. Branch on `code` (stable) or on the class; messages are for
 * people and may change.
 *
 * @module
 */

/** What `instanceof` means for an ordinary class. */
const hasInstance = Function.prototype[Symbol.hasInstance];

/**
 * Makes an error known by its name, whatever a minifier has made of that, and lets `instanceof` go
 * by a mark that all copies of this package share, not by which of them made the error: an
 * application and a library of it may have one each. Subclasses are as any class. It never throws,
 * whatever is asked about.
 */
function shareAmongCopies(errorClass: NewableFunction, name: string): void {
  Object.defineProperty(errorClass, "name", { value: name, configurable: true });
  const mark = Symbol.for(`netsvc.${name}`);
  Object.defineProperty(errorClass.prototype, mark, { value: true });
  Object.defineProperty(errorClass, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      try {
        if (this !== errorClass) return hasInstance.call(this as NewableFunction, value);
        return typeof value === "object" && value !== null && mark in value;
      } catch {
        return false; // a proxy whose traps throw, a revoked one among them
      }
    },
  });
}

/**
 * Base of all errors of the framework. A `ServiceFailure` is the application's and not one.
 *
 * `instanceof` with it and the classes below holds as well for what another copy of this package in
 * the same process has made.
 */
export class NetsvcError extends Error {
  static {
    shareAmongCopies(NetsvcError, "NetsvcError");
  }

  /** The name of the class. */
  override readonly name: string;
  /** Stable, to branch on. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/**
 * Whether a request reached its handler: `"no"` certainly not, so that it may be repeated safely;
 * `"yes"` it did; `"unknown"` it may have.
 */
export type Delivered = "no" | "yes" | "unknown";

/** Why the framework ended a request. */
export type RequestCode =
  | "no-service"
  | "no-method"
  | "denied"
  | "overloaded"
  | "lost"
  | "link-lost"
  | "deadline"
  | "cancelled"
  | "too-large"
  | "encoding";

/** What a request asked for, for the error that ended it. */
export interface RequestErrorOptions extends ErrorOptions {
  service?: string | undefined;
  method?: string | undefined;
  timeout?: number | undefined;
}

/**
 * A request ended without a response or failure of the service. The message begins with what was
 * asked: `thermometer.read: no outcome within 5 s`. The stack leads to the `await` of the call.
 *
 * As the reason of a handler's `signal` it is about the caller, and says nothing of what was asked.
 */
export class RequestError extends NetsvcError {
  static {
    shareAmongCopies(RequestError, "RequestError");
  }

  declare readonly code: RequestCode;
  /** Whether the handler may have seen the request. */
  readonly delivered: Delivered;
  /** What the handle is bound to: the name of the service, or an identity. */
  readonly service: string | undefined;
  readonly method: string | undefined;
  /** The deadline that the request had, in seconds; of a stream, its longest wait for a part. */
  readonly timeout: number | undefined;

  constructor(
    code: RequestCode,
    delivered: Delivered,
    message: string,
    options?: RequestErrorOptions,
  ) {
    super(code, message, options);
    this.delivered = delivered;
    this.service = options?.service;
    this.method = options?.method;
    this.timeout = options?.timeout;
  }
}

/** Which method failed, for the failure that its caller gets. */
export interface ServiceFailureOptions extends ErrorOptions {
  service?: string | undefined;
  method?: string | undefined;
}

/**
 * The failure that a method's handler throws on purpose. The caller's promise rejects with a
 * `ServiceFailure` of the same code, message and data, which names service and method as well, and
 * whose stack leads to the `await` of the call.
 *
 * Anything else that a handler throws arrives as a `ServiceFailure` with code `error` and the
 * message of what was thrown; its stack and cause stay in the handler's process.
 */
export class ServiceFailure extends Error {
  static {
    shareAmongCopies(ServiceFailure, "ServiceFailure");
  }

  override readonly name: string = "ServiceFailure";
  /** Chosen by the application. */
  readonly code: string;
  /** Any content; travels to the caller. */
  readonly data: unknown;
  /** A handler ran: always `"yes"`. */
  readonly delivered: Delivered = "yes";
  /** At the caller: what the handle is bound to, the name of the service or an identity. */
  readonly service: string | undefined;
  /** At the caller. */
  readonly method: string | undefined;

  constructor(code: string, message = "", data?: unknown, options?: ServiceFailureOptions) {
    super(message, options);
    this.code = code;
    this.data = data;
    this.service = options?.service;
    this.method = options?.method;
  }
}

/** Why a link was refused, failed, was lost or closed. The same words at both ends. */
export type LinkCode =
  | "closed"
  | "peer-closed"
  | "connection-lost"
  | "heartbeat-lost"
  | "slow-consumer"
  | "replaced"
  | "internal"
  | "resolve-failed"
  | "connect-failed"
  | "connect-timeout"
  | "protocol"
  | "version"
  | "group-mismatch"
  | "role"
  | "stale"
  | "already-connected"
  | "own-process"
  | "limit"
  | "denied"
  | "closing"
  | "identity"
  | "link-lost"
  | "unknown";

/** Something ended an attempt, a link, or what depended on it. Carried by events as `reason`. */
export class LinkError extends NetsvcError {
  static {
    shareAmongCopies(LinkError, "LinkError");
  }

  declare readonly code: LinkCode;
}

/** `listen` failed: `address-in-use`, `address-not-available`, `permission`, `resolve-failed`, … */
export class ListenError extends NetsvcError {
  static {
    shareAmongCopies(ListenError, "ListenError");
  }
}

/**
 * The exchange cannot do that: `role` (listen on a client, connect on a server),
 * `already-connected`, `exchange-exists` (one per exchange group and registry), or `unsupported`
 * (a Unix socket on Windows).
 */
export class ExchangeError extends NetsvcError {
  static {
    shareAmongCopies(ExchangeError, "ExchangeError");
  }
}

/** The registry, exchange or service is closed. Code `closed`. */
export class ClosedError extends NetsvcError {
  static {
    shareAmongCopies(ClosedError, "ClosedError");
  }

  constructor(what: string, options?: ErrorOptions) {
    super("closed", what.endsWith(" is closed") ? what : `${what} is closed`, options);
  }
}

/** A limit of this process was reached; nothing was changed. Code `limit`. */
export class LimitError extends NetsvcError {
  static {
    shareAmongCopies(LimitError, "LimitError");
  }

  constructor(message: string, options?: ErrorOptions) {
    super("limit", message, options);
  }
}

/** Content exceeds the limit `payload`. Code `too-large`. */
export class TooLargeError extends NetsvcError {
  static {
    shareAmongCopies(TooLargeError, "TooLargeError");
  }

  constructor(message: string, options?: ErrorOptions) {
    super("too-large", message, options);
  }
}

/** Options of an `EncodingError`. */
export interface EncodingErrorOptions extends ErrorOptions {
  path?: string | undefined;
}

/** A value cannot be content, or received bytes are not what they claim to be. Code `encoding`. */
export class EncodingError extends NetsvcError {
  static {
    shareAmongCopies(EncodingError, "EncodingError");
  }

  /**
   * Where in the value that cannot be content, as `devices[0].meta.last`; in what a call is given,
   * from `arguments` on. Of a Map, `get(key)`, of a Set, the number of the element. For people:
   * long ones are cut. `undefined` if it is the value itself, and for received bytes.
   */
  readonly path: string | undefined;

  constructor(message: string, options?: EncodingErrorOptions) {
    super("encoding", message, options);
    this.path = options?.path;
  }
}

/** A wait (`waitFor`, `flush`, `next`) reached its `timeout`. Code `timeout`. */
export class TimeoutError extends NetsvcError {
  static {
    shareAmongCopies(TimeoutError, "TimeoutError");
  }

  constructor(message: string, options?: ErrorOptions) {
    super("timeout", message, options);
  }
}

/** A wait was ended by its `signal`, whose reason is the `cause`. Code `cancelled`. */
export class CancelledError extends NetsvcError {
  static {
    shareAmongCopies(CancelledError, "CancelledError");
  }

  constructor(message: string, options?: ErrorOptions) {
    super("cancelled", message, options);
  }
}

/** The native addon could not be loaded; `cause` says why, for each place tried. Code `addon`. */
export class AddonError extends NetsvcError {
  static {
    shareAmongCopies(AddonError, "AddonError");
  }

  constructor(message: string, options?: ErrorOptions) {
    super("addon", message, options);
  }
}
