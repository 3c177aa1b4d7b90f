// What one content may hold. Decoding then takes time and memory in proportion to its bytes, with a
// factor that is not the sender's to choose.
//
// V8 finds the keys of Maps and the elements of Sets by hashes. Those of numbers and bigints have
// no seed, and before Node 20.20.2 neither had those of text that is an array index: whoever wants
// to chooses keys that collide, and each insertion then walks over all before it. Other text has a
// random seed, and objects have random numbers. Of text above `MAX_KEY` V8 hashes the length alone.
//
// The encoder keeps the same bounds, so that whoever exceeds one hears of it where the value is.

import { EncodingError } from "../errors.js";

/** Deepest nesting of arrays, maps, sets, objects and own types. */
export const MAX_DEPTH = 32;
/**
 * Longest bignum in bytes: converting takes quadratic time, so size must not be the sender's
 * choice.
 */
export const MAX_BIGNUM = 64;
/** Longest text that is a key or an element of a Set, in UTF-16 units. */
export const MAX_KEY = 16_383;
/** Most arguments of one request: they are spread over the stack. */
export const MAX_ARGUMENTS = 1_024;

/** Objects that any content may hold, however short, and then one per that many bytes. */
const OBJECTS = 1 << 17;
const BYTES_PER_OBJECT = 8;
/** 2,048² for any content, and then that many per byte: half of it are steps of look-ups. */
const SQUARES = 1 << 22;
const SQUARES_PER_BYTE = 4;
/** More bytes than any content has. */
const UNKNOWN = 0x3fff_ffff;
/** Digits of the largest array index. */
const INDEX_DIGITS = 10;

/** Counts what one content holds. Its functions throw an EncodingError that names the bound. */
export class Tally {
  #objects = 0;
  #squares = 0;
  /** Integers alone in here: V8 keeps these in the object itself. */
  #bytes: number;

  /** `bytes`: of the content; as long as nobody knows, none. */
  constructor(bytes: number = UNKNOWN) {
    this.#bytes = bytes;
  }

  /** Begins with the next content, whose bytes nobody knows. */
  begin(): void {
    this.#objects = 0;
    this.#squares = 0;
    this.#bytes = UNKNOWN;
  }

  /** Checks what was counted, now that the content turned out to have `bytes`. */
  end(bytes: number): void {
    this.#bytes = bytes;
    if (this.#objects > OBJECTS) this.#checkObjects();
    if (this.#squares > SQUARES) this.#checkSquares();
  }

  /** An array, object, Map, Set, byte string, Date or own type; a typed array is two. */
  object(): void {
    if (++this.#objects > OBJECTS) this.#checkObjects();
  }

  /**
   * A key of a Map or an element of a Set that has `numbers` that count as numbers already. Returns
   * how many it has with this one.
   */
  key(key: unknown, numbers: number): number {
    if (typeof key === "string") {
      checkKey(key.length);
      return isIndex(key) ? this.number(numbers) : numbers;
    }
    return typeof key === "number" || typeof key === "bigint" ? this.number(numbers) : numbers;
  }

  /** As `key`, of one that counts as a number; all such texts of JSON are in one Set. */
  number(numbers: number): number {
    // Adds up to the square of their number in each Map and Set.
    this.#squares += 2 * numbers + 1;
    if (this.#squares > SQUARES) this.#checkSquares();
    return numbers + 1;
  }

  #checkObjects(): void {
    if (this.#objects > this.#bytes / BYTES_PER_OBJECT) throw tooManyObjects();
  }

  #checkSquares(): void {
    if (this.#squares > this.#bytes * SQUARES_PER_BYTE) throw tooManyNumbers();
  }
}

/** Throws if arrays, objects and so on cannot be nested within `depth` others. */
export function checkDepth(depth: number): void {
  if (depth < MAX_DEPTH) return;
  throw new EncodingError(
    `content is nested deeper than ${MAX_DEPTH} levels, or cyclic: make it flatter`,
  );
}

/** Throws if a text of that length is too long for a key. */
export function checkKey(length: number): void {
  if (length <= MAX_KEY) return;
  throw new EncodingError(
    `content has a key or an element of a Set of more than ${MAX_KEY} characters: make it a value`,
  );
}

/** Throws if there are too many arguments. */
export function checkArguments(args: readonly unknown[]): void {
  if (args.length <= MAX_ARGUMENTS) return;
  throw new EncodingError(`more than ${MAX_ARGUMENTS} arguments: pass an array as one argument`);
}

/** Digits alone, few enough for an array index; zeros at the front are no matter. */
function isIndex(text: string): boolean {
  if (text.length > INDEX_DIGITS || text.length === 0) return false;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x30 || unit > 0x39) return false;
  }
  return true;
}

function tooManyObjects(): EncodingError {
  return new EncodingError(
    `content has more than ${OBJECTS} arrays, objects, Maps, Sets, byte strings, Dates and own ` +
      `types (more than one per ${BYTES_PER_OBJECT} bytes, if it is larger than 1 MiB): send it in ` +
      "parts, or join small ones",
  );
}

function tooManyNumbers(): EncodingError {
  return new EncodingError(
    "content has too many numbers as keys of Maps or elements of Sets (texts of up to " +
      `${INDEX_DIGITS} digits count, too): at most ${Math.sqrt(SQUARES)} in one; in several, the ` +
      "squares of their counts add up to at most that one's. Send an array (of pairs), or an " +
      "object with text keys",
  );
}
