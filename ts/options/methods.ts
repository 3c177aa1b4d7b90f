// The option `methods` of a service: which functions of an object are offered to everybody.

import type { Handler } from "../internal/calls.js";
import * as check from "./checks.js";

/** Names of a class's methods that an error lists. */
const LISTED = 5;

/**
 * The functions that an object itself has, with the object as `this`, so that they may use each
 * other. Those of its class are not taken: among them are what TypeScript calls private, and all
 * that the class inherits, `emit` of an EventEmitter for one. Nor are they left out without a word.
 */
export function parseMethods(methods: object): Map<string, Handler> {
  if (typeof methods !== "object" || methods === null) {
    throw new TypeError("methods must be an object of functions");
  }
  refuseInherited(methods);
  const handlers = new Map<string, Handler>();
  for (const [name, handler] of Object.entries(methods) as Array<[string, unknown]>) {
    check.name(name, "method name");
    if (typeof handler !== "function") throw new TypeError(`method ${name} must be a function`);
    handlers.set(name, handler.bind(methods) as Handler);
  }
  return handlers;
}

/** Throws TypeError if a class or another object gives it functions. */
function refuseInherited(methods: object): void {
  const inherited = namesOf(methods);
  const [first] = inherited;
  if (first === undefined) return;
  const shown = inherited.slice(0, LISTED).join(", ");
  const more = inherited.length > LISTED ? ", …" : "";
  throw new TypeError(
    `methods has ${shown}${more} by its class or prototype, from where none are taken: name ` +
      `those that are offered, as in { ${first}: object.${first}.bind(object) }`,
  );
}

/**
 * Names of the functions that it has by its prototypes alone, but for that of all objects, of this
 * realm or another.
 */
function namesOf(methods: object): string[] {
  const names: string[] = [];
  let prototype: object | null = Object.getPrototypeOf(methods);
  while (prototype !== null) {
    const above: object | null = Object.getPrototypeOf(prototype);
    if (above === null && Object.hasOwn(prototype, "propertyIsEnumerable")) break;
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      const isOwn = name === "constructor" || Object.hasOwn(methods, name);
      if (typeof value === "function" && !isOwn) names.push(name);
    }
    prototype = above;
  }
  return names;
}
