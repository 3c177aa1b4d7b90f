// What objects that applications hold print: `util.inspect`, and so `console.log`, sees no private
// fields and calls no getters, so that of most of them it would show nothing.

import { inspect } from "node:util";

/** What `util.inspect`, and so `console.log`, asks for. */
export const INSPECT: symbol = Symbol.for("nodejs.util.inspect.custom");

/** Something that tells what it is. */
interface Telling {
  toJSON(): object;
}

/** Has instances of a class printed as its name and what their `toJSON` gives. */
export function showAs(name: string, prototype: Telling): void {
  Object.defineProperty(prototype, INSPECT, {
    value(this: Telling, depth: number | null, options: { depth: number | null }): string {
      if (depth !== null && depth < 0) return `[${name}]`;
      const within = options.depth === null ? null : options.depth - 1;
      return `${name} ${inspect(this.toJSON(), { ...options, depth: within })}`;
    },
    configurable: true,
    writable: true,
  });
}
