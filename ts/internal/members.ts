// The methods of a handle as functions: an object whose members are made as they are asked for. It
// can be logged, compared, awaited, made text or JSON without a call of a method of such a name.

import { isReserved } from "./reserved-names.js";
import { INSPECT } from "./shown.js";

/** Names come from the application; a loop over made-up ones must not grow this for ever. */
const MAX_CACHED = 256;

/** Kinds of members, for whoever asks for the constructor's name. */
class RemoteMethods {}
class RemoteStreams {}

/** Members that `call` calls, by name. `owner`: what the handle is bound to. */
export function methodsOf(owner: string, call: (name: string, args: unknown[]) => unknown): object {
  return members(RemoteMethods, owner, call);
}

/** The same for methods that stream their result. */
export function streamsOf(owner: string, call: (name: string, args: unknown[]) => unknown): object {
  return members(RemoteStreams, owner, call);
}

function members(
  kind: typeof RemoteMethods,
  owner: string,
  call: (name: string, args: unknown[]) => unknown,
): object {
  let cached = 0;
  // A Proxy is slow to ask. As the last prototype, it is asked only for what the object does not
  // have yet.
  const maker = new Proxy(Object.prototype, {
    get(ordinary, name) {
      if (typeof name === "symbol" || isReserved(name)) return Reflect.get(ordinary, name);
      const method = (...args: unknown[]): unknown => call(name, args);
      Reflect.defineProperty(method, "name", { value: name });
      if (cached < MAX_CACHED) {
        cached += 1;
        Reflect.defineProperty(made, name, { value: method, configurable: true });
      }
      return method;
    },
    set: () => false,
  });
  // Of all objects that anybody can make, few are refused by `structuredClone`: of a plain one it
  // would make an empty object without a word.
  const made: object = Object.setPrototypeOf(new WeakSet(), description(kind, owner, maker));
  return made;
}

/** What the members are besides methods: an object that tells what it is. */
function description(kind: typeof RemoteMethods, owner: string, prototype: object): object {
  const text = `[${kind.name} ${owner}]`;
  const tell = (): string => text;
  const described: object = Object.create(prototype);
  for (const [name, value] of [
    ["constructor", kind],
    ["toJSON", tell],
    ["toString", tell],
    ["toLocaleString", tell],
    [INSPECT, tell],
    [Symbol.toPrimitive, (hint: string) => (hint === "number" ? Number.NaN : text)],
    [Symbol.toStringTag, `${kind.name} ${owner}`],
  ] as const) {
    Object.defineProperty(described, name, { value });
  }
  return described;
}
