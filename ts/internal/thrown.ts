// Words about what an application has thrown, which may be anything: an error of another realm, a
// proxy whose traps throw, no error at all.

import { types } from "node:util";

/** What it says. Throws if it cannot be read. */
export function messageOf(thrown: unknown): string {
  if (isError(thrown)) return String(thrown.message);
  if (typeof thrown !== "object" || thrown === null || hasText(thrown)) return String(thrown);
  return Object.prototype.toString.call(thrown);
}

/** Its stack, or else what it says; never throws. */
export function stackOf(thrown: unknown): string {
  try {
    const stack: unknown = isError(thrown) ? thrown.stack : undefined;
    return typeof stack === "string" ? stack : messageOf(thrown);
  } catch {
    return "something that cannot be read";
  }
}

/** By what it is: errors of other realms are no instances of the Error of this one. */
export function isError(value: unknown): value is Error {
  return types.isNativeError(value) || value instanceof Error;
}

/** Whether it can be made text: objects without a prototype cannot. */
function hasText(value: object): boolean {
  return Symbol.toPrimitive in value || "toString" in value || "valueOf" in value;
}
