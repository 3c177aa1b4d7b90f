// Typed arrays in content: byte strings with the tags of RFC 8746, in the byte order of whoever
// writes. Uint8Arrays have none: they are plain byte strings.

/** All of RFC 8746, those without a typed array in JavaScript included. */
const FIRST_TAG = 64;
const LAST_TAG = 87;
/** Bytes alone, which others may tag. */
const TAG_BYTES = 64;

/** Name; tag with the most significant byte first, and last. */
const KINDS = [
  ["Uint8ClampedArray", 68, 68],
  ["Int8Array", 72, 72],
  ["Uint16Array", 65, 69],
  ["Int16Array", 73, 77],
  ["Uint32Array", 66, 70],
  ["Int32Array", 74, 78],
  ["BigUint64Array", 67, 71],
  ["BigInt64Array", 75, 79],
  ["Float16Array", 80, 84],
  ["Float32Array", 81, 85],
  ["Float64Array", 82, 86],
] as const;

/** A typed array, as far as its bytes are concerned. */
export type TypedArray = Pick<Uint8Array, "buffer" | "byteOffset" | "byteLength" | "length">;

interface TypedArrayClass {
  readonly prototype: object;
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer): TypedArray;
}

const bigEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 0;
/** Which typed array a value is, of whatever realm; `undefined`: none. */
const nameOf = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)?.get as (this: unknown) => string | undefined;

/** What this environment has: not each knows Float16Array. */
const classes = new Map<string, TypedArrayClass>();
const tagsByName = new Map<string, number>();
const byTag = new Map<number, { readonly made: TypedArrayClass; readonly swapped: boolean }>();
for (const [name, big, little] of KINDS) {
  const made = (globalThis as unknown as Record<string, TypedArrayClass | undefined>)[name];
  if (made === undefined) continue;
  classes.set(name, made);
  tagsByName.set(name, bigEndian ? big : little);
  byTag.set(big, { made, swapped: !bigEndian && big !== little });
  byTag.set(little, { made, swapped: bigEndian && big !== little });
}

/** Prototypes of the typed arrays that travel by themselves. */
export const TYPED_ARRAY_PROTOTYPES: readonly object[] = [...classes.values()].map(
  ({ prototype }) => prototype,
);

/** Whether that tag says of a byte string that it is a typed array. */
export function isTypedArrayTag(tag: number | bigint): tag is number {
  return tag >= FIRST_TAG && tag <= LAST_TAG;
}

/** The tag of a value that is a typed array, but for Uint8Array. */
export function tagOfTypedArray(value: object): number | undefined {
  const name = nameOf.call(value);
  return name === undefined ? undefined : tagsByName.get(name);
}

/** The bytes of a typed array. */
export function bytesOf({ buffer, byteOffset, byteLength }: TypedArray): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/**
 * The typed array with that tag whose elements are in `bytes`, in memory of its own: where they
 * lie, elements are not aligned. `undefined`: there is none with that tag here. Throws RangeError
 * if the last element is not whole.
 */
export function typedArray(tag: number, bytes: Uint8Array): object | undefined {
  if (tag === TAG_BYTES) return bytes;
  const kind = byTag.get(tag);
  if (kind === undefined) return undefined;
  const { made, swapped } = kind;
  const own = new Uint8Array(bytes);
  if (swapped) swap(Buffer.from(own.buffer), made.BYTES_PER_ELEMENT);
  return new made(own.buffer);
}

/** Throws RangeError if the last element is not whole. */
function swap(bytes: Buffer, size: number): void {
  if (size === 2) bytes.swap16();
  else if (size === 4) bytes.swap32();
  else bytes.swap64();
}
