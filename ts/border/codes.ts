// The one place where codes of the native side become errors of the API.

import {
  ClosedError,
  type Delivered,
  ExchangeError,
  LimitError,
  type LinkCode,
  LinkError,
  ListenError,
  NetsvcError,
  type RequestCode,
  RequestError,
  TooLargeError,
} from "../errors.js";
import {
  ABORT_CALLER_GONE,
  ABORT_CANCELLED,
  ABORT_DEADLINE,
  DELIVERED,
  LINK_CODES,
  REQUEST_CODES,
} from "./numbers.js";

/** Names by number. */
const REQUEST_NAMES: ReadonlyMap<number, RequestCode> = new Map(
  Object.entries(REQUEST_CODES).map(([name, number]) => [number, name as RequestCode]),
);
const LINK_NAMES: Readonly<Record<number, LinkCode>> = LINK_CODES;
const DELIVERED_NAMES: Readonly<Record<number, Delivered>> = DELIVERED;

/** Whether a request was delivered. */
export function deliveredOf(number: number): Delivered {
  return DELIVERED_NAMES[number] ?? "unknown";
}

/** Why a request ended, of an OUTCOME with status 2: its code, and words about it. */
export function requestEnd(code: number, message: string): [code: RequestCode, text: string] {
  // A number this version does not know can only mean that nobody can say what happened.
  const name = REQUEST_NAMES.get(code);
  return [name ?? "lost", message === "" ? (name ?? `ended with code ${code}`) : message];
}

/** The reason of a LINK delivery; `undefined` for code 0. */
export function linkError(code: number, message: string): LinkError | undefined {
  if (code === 0) return undefined;
  const name = LINK_NAMES[code] ?? "unknown";
  return new LinkError(name, message === "" ? name : message);
}

/** The error of a LISTENING delivery that failed. */
export function listenError(code: string, message: string): NetsvcError {
  return code === "closed" || code === "role"
    ? commandError(code, message)
    : new ListenError(code, message);
}

/** Why a handler's `signal` aborts. */
export function abortError(reason: number): NetsvcError {
  switch (reason) {
    case ABORT_CANCELLED:
      return new RequestError("cancelled", "yes", "the caller cancelled the request");
    case ABORT_CALLER_GONE:
      return new RequestError("lost", "yes", "the caller's process is no longer reachable");
    case ABORT_DEADLINE:
      return new RequestError("deadline", "yes", "the caller's deadline passed");
    default:
      return new ClosedError("the service");
  }
}

/** The error class of a native command's code. */
export function commandError(code: string, message: string): NetsvcError {
  switch (code) {
    case "closed":
      return new ClosedError(message);
    case "limit":
      return new LimitError(message);
    case "too-large":
      return new TooLargeError(message);
    case "role":
    case "already-connected":
    case "exchange-exists":
    case "unsupported":
      return new ExchangeError(code, message);
    default:
      return new NetsvcError(code, message);
  }
}

/** Runs a native command; what it throws with a code becomes an error of the API. */
export function command<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    // The addon's errors are those of Node's own realm, whatever realm this is.
    const { code, message } = Object(error) as { code?: unknown; message?: unknown };
    if (typeof code !== "string" || error instanceof NetsvcError) throw error;
    // Its own stack says nothing that the new one does not.
    throw commandError(code, String(message));
  }
}
