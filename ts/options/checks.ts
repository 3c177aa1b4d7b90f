// Validation of arguments: parsed once at the door, typed afterwards. Times come in as seconds and
// leave as whole milliseconds.

import { isIPv6 } from "node:net";
import { LIFETIME_FOREVER, LIFETIME_NONE, RETRY_BACKOFF, RETRY_ONCE } from "../border/numbers.js";

/** Longest `timeout` unless the registry's `maxTimeout` says otherwise, in seconds. */
export const DEFAULT_MAX_TIMEOUT = 300;
/** Deadline of a request that names none, in seconds. */
export const DEFAULT_TIMEOUT = 5;
/** How long `close` lets queued messages leave, in seconds. */
export const DEFAULT_DRAIN = 5;
/** Timers of the platform hold 31 bits of milliseconds; longer waits would fire at once. */
const LONGEST_TIMER = 2_147_483;
/** A fixed retry delay below this counts as this, in seconds. */
const SHORTEST_RETRY = 0.01;
/** Longest `retry` unless the registry's `maxRetry` says otherwise, in seconds. */
const DEFAULT_MAX_RETRY = 300;
/** A year, in seconds. */
const YEAR = 31_536_000;

/** Checks a `timeout` in seconds; returns milliseconds, at least 1. */
export function timeoutMs(seconds: number, max: number, what = "timeout"): number {
  if (typeof seconds !== "number" || !(seconds > 0)) {
    throw new RangeError(`${what} must be a number of seconds above 0, not ${show(seconds)}`);
  }
  if (seconds > max) throw tooLong(what, seconds, max, "maxTimeout");
  return Math.max(1, Math.ceil(seconds * 1000));
}

/** Checks the option `maxTimeout`, in seconds. */
export function maxTimeout(seconds: number | undefined): number {
  return guard(seconds, "maxTimeout", DEFAULT_MAX_TIMEOUT, LONGEST_TIMER);
}

/** Checks the option `maxRetry`, in seconds. */
export function maxRetry(seconds: number | undefined): number {
  return guard(seconds, "maxRetry", DEFAULT_MAX_RETRY, YEAR);
}

/** Checks `retry` (seconds, -1 or omitted); returns what the native side takes. */
export function retrySeconds(retry: number | undefined, max: number): number {
  if (retry === undefined) return RETRY_BACKOFF;
  if (retry === RETRY_ONCE) return RETRY_ONCE;
  if (typeof retry !== "number" || !(retry > 0)) {
    throw new RangeError(
      `retry must be a delay in seconds (above 0), -1 for a single attempt, or omitted, not ${show(retry)}`,
    );
  }
  if (retry > max) throw tooLong("retry", retry, max, "maxRetry");
  return Math.max(SHORTEST_RETRY, retry);
}

/** Checks the `drain` time of a close, in seconds; 0 is allowed. Returns milliseconds. */
export function drainMs(seconds: number | undefined): number {
  const drain = seconds ?? DEFAULT_DRAIN;
  if (typeof drain !== "number" || !(drain >= 0)) {
    throw new RangeError(`drain must be 0 to ${DEFAULT_MAX_TIMEOUT} seconds, not ${show(drain)}`);
  }
  if (drain > DEFAULT_MAX_TIMEOUT) throw tooLong("drain", drain, DEFAULT_MAX_TIMEOUT);
  return Math.ceil(drain * 1000);
}

/** Checks a report's `lifetime`: 0, seconds, or Infinity (-1 natively). Returns milliseconds. */
export function lifetimeMs(seconds: number | undefined): number {
  if (seconds === undefined || seconds === 0) return LIFETIME_NONE;
  if (seconds === Number.POSITIVE_INFINITY) return LIFETIME_FOREVER;
  // Beyond a century the difference from for ever is not worth a wider number at the border.
  if (typeof seconds === "number" && seconds > 0) {
    const forEver = seconds > YEAR * 100;
    return forEver ? LIFETIME_FOREVER : Math.max(1, Math.ceil(seconds * 1000));
  }
  throw new RangeError(
    `lifetime must be 0, a number of seconds, or Infinity, not ${show(seconds)}`,
  );
}

/** Checks `heartbeat`: both in seconds, `dead` above `interval`. Returns milliseconds. */
export function heartbeatMs(heartbeat?: {
  interval?: number | undefined;
  dead?: number | undefined;
}): {
  interval: number;
  dead: number;
} {
  const interval = heartbeat?.interval ?? 5;
  const dead = heartbeat?.dead ?? interval * 3;
  if (typeof interval !== "number" || !(interval >= 0.01)) {
    throw new RangeError(
      `heartbeat.interval must be 0.01 to ${DEFAULT_MAX_TIMEOUT} seconds, not ${show(interval)}`,
    );
  }
  if (interval > DEFAULT_MAX_TIMEOUT) {
    throw tooLong("heartbeat.interval", interval, DEFAULT_MAX_TIMEOUT);
  }
  const longest = Math.max(DEFAULT_MAX_TIMEOUT, interval * 3);
  if (typeof dead !== "number" || !(dead > interval)) {
    throw new RangeError(
      `heartbeat.dead must be above heartbeat.interval and at most ${longest} seconds, not ${show(dead)}`,
    );
  }
  if (dead > longest) throw tooLong("heartbeat.dead", dead, longest);
  return { interval: Math.ceil(interval * 1000), dead: Math.ceil(dead * 1000) };
}

/** Checks a port; `least` is 0 where the system may choose. */
export function port(value: number, least: 0 | 1): number {
  if (Number.isInteger(value) && value >= least && value <= 65_535) return value;
  throw new RangeError(`port must be an integer from ${least} to 65535, not ${show(value)}`);
}

/**
 * Checks a host: a name or an address, that of IPv6 with brackets or without. Returns it without.
 */
export function host(value: string): string {
  const text = name(value, "host");
  const bare = /^\[(.*)\]$/.exec(text)?.[1];
  const fits = bare === undefined ? !text.includes(":") || isIPv6(text) : isIPv6(bare);
  if (fits) return bare ?? text;
  throw new RangeError(`host must be a name or an address without a port, not ${show(value)}`);
}

/** Checks a name-like argument: a string, not empty unless `empty`, at most 255 bytes in UTF-8. */
export function name(value: string, what: string, empty = false): string {
  if (typeof value !== "string") {
    throw new TypeError(`${what} must be a string, not ${show(value)}`);
  }
  if (value === "" && !empty) throw new RangeError(`${what} must not be empty`);
  return bounded(value, what, 255);
}

/** Checks the path of a socket. */
export function socketPath(value: string): string {
  if (typeof value === "string" && value !== "" && !value.includes("\0")) {
    return travelling(value, "path");
  }
  throw new TypeError("path must be the path of a socket");
}

/** Checks a subject or pattern: a string of at most 1024 bytes in UTF-8. */
export function subject(value: string, what: "subject" | "pattern"): string {
  if (typeof value !== "string") {
    throw new TypeError(`${what} must be a string, not ${show(value)}`);
  }
  return bounded(value, what, 1024);
}

/** Checks a signal by what it can do: it may be that of another realm or library. */
export function signal(value: AbortSignal | null | undefined): AbortSignal | undefined {
  if (value === undefined || value === null) return undefined;
  const fits =
    typeof value === "object" &&
    typeof value.aborted === "boolean" &&
    typeof value.addEventListener === "function" &&
    typeof value.removeEventListener === "function";
  if (fits) return value;
  throw new TypeError("signal must be an AbortSignal");
}

/** Checks a positive integer. */
export function count(value: number, what: string): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new RangeError(`${what} must be an integer above 0, not ${show(value)}`);
}

function guard(
  seconds: number | undefined,
  what: string,
  otherwise: number,
  longest: number,
): number {
  if (seconds === undefined) return otherwise;
  if (typeof seconds === "number" && seconds > 0 && seconds <= longest) return seconds;
  throw new RangeError(
    `${what} must be a number of seconds above 0 and at most ${longest}, not ${show(seconds)}`,
  );
}

/** Whoever gives too much has mostly taken the unit for milliseconds. */
function tooLong(what: string, seconds: number, max: number, raisedBy?: string): RangeError {
  const hint = seconds / 1000 <= max ? ` (for ${seconds} ms write ${seconds / 1000})` : "";
  const raise = raisedBy === undefined ? "" : `; the registry's option ${raisedBy} raises it`;
  const text = `${what} is in seconds: ${seconds} is above the maximum of ${max}${hint}${raise}`;
  return new RangeError(text);
}

function bounded(value: string, what: string, bytes: number): string {
  // A UTF-16 unit is at most three bytes of UTF-8: short strings need no counting.
  if (value.length * 3 > bytes && Buffer.byteLength(value) > bytes) {
    throw new RangeError(`${what} must be at most ${bytes} bytes long`);
  }
  return travelling(value, what);
}

/** In UTF-8 half a surrogate pair becomes U+FFFD: two names would become one. */
function travelling(value: string, what: string): string {
  if (value.isWellFormed()) return value;
  throw new RangeError(`${what} must not contain an unpaired surrogate`);
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
