// Tags of CBOR (RFC 8949): those netsvc uses itself, and those of the application's own types.

import { isTypedArrayTag, TYPED_ARRAY_PROTOTYPES } from "./typed-arrays.js";

/** Date as seconds since 1970, in UTC. */
export const TAG_DATE = 1;
/** Bignum of 0 and above. */
export const TAG_POSITIVE_BIGNUM = 2;
/** Bignum below 0: -1 - n. */
export const TAG_NEGATIVE_BIGNUM = 3;
/** Set: an array without equal elements. */
export const TAG_SET = 258;
/** Map with keys of any type. */
export const TAG_MAP = 259;

/** How instances of an own type travel. */
export interface ContentType<T extends object, Plain = unknown> {
  /**
   * Number of the CBOR tag, which must mean the same in every process; see the IANA registry
   * "CBOR Tags". Those from 0 to 5, from 64 to 87, 258 and 259 are taken.
   */
  tag: number;
  /** Instances of exactly this class; subclasses are registered by themselves. */
  class: abstract new (
    ...args: never[]
  ) => T;
  /** Makes content that can travel of an instance. */
  encode(value: T): Plain;
  /** Makes an instance of what `encode` made. Its argument comes from another process: check it. */
  decode(content: Plain): T;
}

/** An own type with its type parameters forgotten. */
export interface RegisteredType {
  readonly tag: number;
  encode(value: object): unknown;
  decode(content: unknown): unknown;
}

/** Own types of one copy of this package, or of all. */
interface Types {
  readonly byTag: Map<number, RegisteredType>;
  readonly byPrototype: Map<object, RegisteredType>;
}

const TYPES: unique symbol = Symbol.for("netsvc.contentTypes") as never;
const { byTag, byPrototype } = noTypes();

/**
 * Those of all copies of this package here: an application and a library of it may have one each,
 * and what either registers is content of both. What a copy has registered itself goes before.
 */
const all = typesOfAll();

/**
 * Makes instances of a class usable in content, in this JavaScript environment, by whatever copy
 * of this package. Both sides register the type; a side that did not fails to decode the whole
 * content (`EncodingError`).
 *
 * Throws RangeError when the tag or the class is already in use.
 */
export function registerContentType<T extends object, Plain = unknown>(
  type: ContentType<T, Plain>,
): void {
  const { tag } = type;
  const builtIn = tag <= 5 || tag === TAG_SET || tag === TAG_MAP || isTypedArrayTag(tag);
  const taken = builtIn || byTag.has(tag);
  if (!Number.isSafeInteger(tag) || tag < 0 || taken) {
    throw new RangeError(`tag ${tag} is not a free tag number`);
  }
  const prototype: unknown = type.class.prototype;
  if (typeof prototype !== "object" || prototype === null || byPrototype.has(prototype)) {
    throw new RangeError(`${type.class.name} already has a tag`);
  }
  if (BUILT_IN.has(prototype)) throw new RangeError(`${type.class.name} travels by itself`);
  // The methods are called with what `class` and `tag` select, so the forgotten types hold.
  const registered = type as unknown as RegisteredType;
  byTag.set(tag, registered);
  byPrototype.set(prototype, registered);
  if (!all.byTag.has(tag)) all.byTag.set(tag, registered);
  if (!all.byPrototype.has(prototype)) all.byPrototype.set(prototype, registered);
}

const BUILT_IN: ReadonlySet<object> = new Set<object>([
  Object.prototype,
  Array.prototype,
  Map.prototype,
  Set.prototype,
  Date.prototype,
  Uint8Array.prototype,
  Buffer.prototype,
  ...TYPED_ARRAY_PROTOTYPES,
]);

/** The own type with that tag. */
export function typeOfTag(tag: number): RegisteredType | undefined {
  return byTag.get(tag) ?? all.byTag.get(tag);
}

/** The own type whose instances have that prototype. */
export function typeOfPrototype(prototype: object): RegisteredType | undefined {
  return byPrototype.get(prototype) ?? all.byPrototype.get(prototype);
}

function noTypes(): Types {
  return { byTag: new Map(), byPrototype: new Map() };
}

function typesOfAll(): Types {
  const shared = globalThis as { [TYPES]?: Types };
  shared[TYPES] ??= noTypes();
  return shared[TYPES];
}
