// Whom a request, a subscription, a watch or a look-up is about: parsed once.

import { TARGET_GROUP, TARGET_IDENTITY, TARGET_NAME } from "../border/numbers.js";
import * as check from "../options/checks.js";

/** A name, or the identity of one service. */
export type ServiceTarget = string | { readonly identity: string };

/** What services must be to be listed or watched; nothing given: all. */
export interface ServiceFilter {
  readonly name?: string | undefined;
  readonly identity?: string | undefined;
  /** Service group they are in. */
  readonly group?: string | undefined;
}

export type TargetKind = typeof TARGET_NAME | typeof TARGET_IDENTITY | typeof TARGET_GROUP;

/** A target as the border numbers it. */
export interface Target {
  readonly kind: TargetKind;
  readonly text: string;
  /** Slots of the text and of the method last called, as far as they are known; see `Strings`. */
  textSlot: number;
  methodSlot: number;
}

const IDENTITY = /^[0-9a-f]{32}\.[0-9]{1,10}$/;

/** The target of a request. */
export function parseTarget(target: ServiceTarget): Target {
  if (typeof target === "string") return newTarget(TARGET_NAME, check.name(target, "name"));
  return newTarget(TARGET_IDENTITY, identity(target?.identity));
}

/** The target of a subscription. */
export function parseSubscriptionTarget(
  target: ServiceTarget | { readonly group: string },
): Target {
  if (typeof target === "object" && target !== null && "group" in target) {
    return newTarget(TARGET_GROUP, check.name(target.group, "group"));
  }
  return parseTarget(target);
}

/** A filter; a string is a name. */
export function parseFilter(filter: string | ServiceFilter = {}): ServiceFilter {
  const given: ServiceFilter = typeof filter === "string" ? { name: filter } : filter;
  if (typeof given !== "object" || given === null) {
    throw new TypeError("a filter is a name or an object");
  }
  return {
    ...(given.name === undefined ? {} : { name: check.name(given.name, "name") }),
    ...(given.identity === undefined ? {} : { identity: identity(given.identity) }),
    ...(given.group === undefined ? {} : { group: check.name(given.group, "group") }),
  };
}

function newTarget(kind: TargetKind, text: string): Target {
  return { kind, text, textSlot: 0, methodSlot: 0 };
}

function identity(value: string): string {
  if (typeof value === "string" && IDENTITY.test(value)) return value;
  throw new RangeError(
    `identity must be 32 hexadecimal digits, a dot and a number, not ${JSON.stringify(value)}`,
  );
}
