// The one place where codes of the native side become errors of the API. The numbers are those of
// the core's outcome.rs, reason.rs and event.rs, in the same order.

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

const REQUEST_CODES: readonly (RequestCode | undefined)[] = [
  undefined,
  "no-service",
  "no-method",
  "denied",
  "overloaded",
  "lost",
  "link-lost",
  "deadline",
  "cancelled",
  "too-large",
  "encoding",
];

/** Numbers that this side answers a call with (`RESPOND` status 2). */
export const REQUEST_NUMBER: Readonly<
  Record<"no-service" | "no-method" | "lost" | "too-large" | "encoding", number>
> = { "no-service": 1, "no-method": 2, lost: 5, "too-large": 9, encoding: 10 };

const DELIVERED: readonly Delivered[] = ["no", "yes", "unknown"];

const LINK_CODES: ReadonlyMap<number, LinkCode> = new Map<number, LinkCode>([
  [1, "closed"],
  [2, "peer-closed"],
  [3, "connection-lost"],
  [4, "heartbeat-lost"],
  [5, "slow-consumer"],
  [6, "replaced"],
  [16, "resolve-failed"],
  [17, "connect-failed"],
  [18, "connect-timeout"],
  [32, "protocol"],
  [33, "version"],
  [34, "group-mismatch"],
  [35, "role"],
  [36, "stale"],
  [37, "already-connected"],
  [38, "own-process"],
  [39, "limit"],
  [40, "denied"],
  [41, "closing"],
]);

/** The error of an OUTCOME with status 2. */
export function requestError(code: number, delivered: number, message: string): RequestError {
  // A number this version does not know can only mean that nobody can say what happened.
  return new RequestError(
    REQUEST_CODES[code] ?? "lost",
    DELIVERED[delivered] ?? "unknown",
    message === "" ? (REQUEST_CODES[code] ?? `request ended with code ${code}`) : message,
  );
}

/** The reason of a LINK record; `undefined` for code 0. */
export function linkError(code: number, message: string): LinkError | undefined {
  if (code === 0) return undefined;
  const name = LINK_CODES.get(code) ?? "unknown";
  return new LinkError(name, message === "" ? name : message);
}

/** The error of a failed LISTENING record. */
export function listenError(code: string, message: string): NetsvcError {
  return code === "closed" || code === "role"
    ? commandError(code, message)
    : new ListenError(code, message);
}

/** Why a handler's `signal` aborts; numbers of the core's AbortReason. */
export function abortError(reason: number): NetsvcError {
  switch (reason) {
    case 0:
      return new RequestError("cancelled", "yes", "the caller cancelled the request");
    case 1:
      return new RequestError("lost", "yes", "the caller's process is no longer reachable");
    case 2:
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
    if (error instanceof Error && "code" in error && typeof error.code === "string") {
      // Its own stack says nothing that the new one does not.
      if (!(error instanceof NetsvcError)) throw commandError(error.code, error.message);
    }
    throw error;
  }
}
