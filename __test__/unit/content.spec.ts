import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeArguments,
  decodeContent,
  encodeArguments,
  encodeContent,
  KIND_BYTES,
  KIND_CBOR,
  KIND_JSON,
} from "../../ts/content/content.js";
import { registerContentType } from "../../ts/content/tags.js";
import { EncodingError, TooLargeError } from "../../ts/errors.js";

const LIMIT = 1 << 20;

function encode(value: unknown, limit = LIMIT): Uint8Array {
  const { kind, bytes } = encodeContent(value, limit);
  expect(kind).toBe(KIND_CBOR);
  return Uint8Array.from(bytes);
}

function roundTrip(value: unknown): unknown {
  return decodeContent(KIND_CBOR, encode(value));
}

function hex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
}

function decodeHex(text: string): unknown {
  return decodeContent(KIND_CBOR, hex(text));
}

class Point {
  readonly x: number;
  readonly y: number;
  constructor(x: number, y: number) {
    this.x = x;
    this.y = y;
  }
}

registerContentType({
  tag: 40_000,
  class: Point,
  encode: ({ x, y }): unknown => [x, y],
  decode: (content) => {
    if (!Array.isArray(content)) throw new TypeError("no point");
    return new Point(Number(content[0]), Number(content[1]));
  },
});

describe("content that makes the round trip", () => {
  const cases: Array<[string, unknown]> = [
    ["undefined", undefined],
    ["null", null],
    ["minus zero", -0],
    ["NaN", Number.NaN],
    ["infinity", Number.NEGATIVE_INFINITY],
    ["a float of four bytes", 21.5],
    ["a float of eight bytes", 0.1],
    ["a number beyond the safe integers", 1e20],
    ["the largest safe integer", Number.MAX_SAFE_INTEGER],
    ["the smallest safe integer", Number.MIN_SAFE_INTEGER],
    ["a small bigint", 5n],
    ["a bigint of no bytes", 0n],
    ["-1n", -1n],
    ["a bigint of 53 bits", 2n ** 53n - 1n],
    ["a bigint of 54 bits", 2n ** 53n],
    ["the largest 64-bit bigint", 2n ** 64n - 1n],
    ["the smallest 65-bit bigint", -(2n ** 64n)],
    ["a bigint of 64 bytes", 2n ** 512n - 1n],
    ["a string with a BOM", "\ufeffx"],
    ["a string of 23, 24 and 255 bytes", ["x".repeat(23), "x".repeat(24), "x".repeat(255)]],
    ["strings that are not ASCII", ["é", "日本語", "🙂".repeat(20), `${"x".repeat(47)}é`]],
    ["a hole becomes undefined", [undefined, 1]],
    ["a date", new Date(1_700_000_000_123)],
    ["a date before 1970", new Date(-1)],
    ["the last date", new Date(8.64e15)],
    ["a date whose seconds have no room for all digits", new Date("+142222-12-09T03:21:47.355Z")],
    [
      "a map",
      new Map<unknown, unknown>([
        [1, "a"],
        ["b", [new Map()]],
        [null, 2],
      ]),
    ],
    ["a set", new Set([1, "1", null])],
    ["an own type", { at: new Point(1, 2) }],
    ["a key that objects have", { constructor: 1, toString: 2, hasOwnProperty: 3 }],
    ["an object with an undefined property", { a: undefined }],
  ];
  it.each(cases)("%s", (_, value) => {
    expect(roundTrip(value)).toStrictEqual(value);
  });

  it("any JSON-like value", () => {
    const value = fc.object({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withUnicodeString: true,
      maxDepth: 4,
    } as fc.ObjectConstraints);
    fc.assert(
      fc.property(value, (given) => {
        fc.pre(encodable(given));
        expect(roundTrip(given)).toEqual(given);
      }),
      { numRuns: 500 },
    );
  });

  it("any bytes, also within other values", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(encodeContent(bytes, LIMIT)).toEqual({ kind: KIND_BYTES, bytes });
        const back = roundTrip({ bytes }) as { bytes: Uint8Array };
        expect(back.bytes).toEqual(bytes);
        expect(back.bytes.constructor).toBe(Uint8Array);
      }),
    );
  });

  it("a Buffer, as Uint8Array", () => {
    expect(roundTrip([Buffer.from("ab")])).toStrictEqual([Uint8Array.of(97, 98)]);
  });

  it("arguments: an array, or a single Uint8Array as it is", () => {
    const bytes = Uint8Array.of(1, 2);
    for (const args of [[], [undefined], [1, "a"], [[1]], [bytes], [bytes, 1]]) {
      const encoded = encodeArguments(args, LIMIT);
      expect(decodeArguments(encoded.kind, Uint8Array.from(encoded.bytes))).toStrictEqual(args);
    }
    expect(encodeArguments([bytes], LIMIT).kind).toBe(KIND_BYTES);
    expect(() => decodeArguments(KIND_CBOR, encode({ a: 1 }))).toThrow(EncodingError);
  });

  it("32 levels", () => {
    expect(roundTrip(nested(32))).toStrictEqual(nested(32));
  });
});

describe("encoding refuses", () => {
  class Unregistered {}
  const cyclic: unknown[] = [];
  cyclic.push({ cyclic });
  const cases: Array<[string, unknown]> = [
    ["a function", () => {}],
    ["a symbol", Symbol("s")],
    ["a cycle", cyclic],
    ["an instance of a class", { a: new Unregistered() }],
    ["an error", new Error("e")],
    ["a boxed number", Object(1)],
    ["a view that is no typed array", new DataView(new ArrayBuffer(2))],
    ["a promise", Promise.resolve()],
    ["33 levels", nested(33)],
    ["a bigint of 65 bytes", 2n ** 512n],
    ["an unpaired surrogate", "\ud800"],
    ["an unpaired surrogate in a long string", `${"x".repeat(100)}\udfff`],
    ["an own key __proto__", JSON.parse('{"__proto__": 1}')],
    ["an invalid date", new Date(Number.NaN)],
    [
      "a getter that throws",
      {
        get a() {
          throw new Error("no");
        },
      },
    ],
  ];
  it.each(cases)("%s", (_, value) => {
    expect(() => encode(value)).toThrow(EncodingError);
    // And the encoder is as good as before.
    expect(roundTrip({ a: 1 })).toEqual({ a: 1 });
  });

  it("what exceeds the limit, without building it first", () => {
    expect(() => encode("x".repeat(100), 100)).toThrow(TooLargeError);
    expect(encode("x".repeat(98), 100)).toHaveLength(100);
    expect(() => encodeContent(new Uint8Array(101), 100)).toThrow(TooLargeError);
    let shared: unknown[] = [];
    for (let level = 0; level < 30; level++) shared = [shared, shared];
    expect(() => encode(shared)).toThrow(TooLargeError);
  });
});

describe("decoding refuses", () => {
  const cases: Array<[string, string]> = [
    ["nothing", ""],
    ["bytes behind the value", "01 01"],
    ["a truncated integer", "19 01"],
    ["a truncated string", "63 6161"],
    ["a string longer than memory", "7b ffffffffffffffff"],
    ["an array of 2^32 items", "9a ffffffff"],
    ["a map of 2^32 entries", "ba ffffffff 01"],
    ["a reserved length", "1c"],
    ["an unassigned simple value", "e0"],
    ["a simple value of two bytes", "f8 ff"],
    ["a break outside", "ff"],
    ["a break within a definite array", "81 ff"],
    ["a break as a map's value", "bf 01 ff"],
    ["a string chunk of another type", "7f 4161 ff"],
    ["a nested indefinite string", "7f 7f 6161 ff ff"],
    ["invalid UTF-8", "62 c328"],
    ["an overlong encoding", "62 c080"],
    ["a surrogate in UTF-8", "63 eda080"],
    ["the key __proto__", "a1 69 5f5f70726f746f5f5f 01"],
    ["two equal keys", "a2 6161 01 6161 02"],
    ["two equal keys of a Map", "d9 0103 a2 01 01 01 02"],
    ["two equal elements of a Set", "d9 0102 82 01 01"],
    ["a Set that is no array", "d9 0102 01"],
    ["a Map that is an array", "d9 0103 80"],
    ["a bignum that is a string", "c2 6161"],
    ["a bignum of indefinite length", "c2 5f 4101 ff"],
    ["a bignum of 65 bytes", `c2 5841 ${"01".repeat(65)}`],
    ["a date that is a string", "c1 6161"],
    ["a date beyond dates", "c1 1b 0fffffffffffffff"],
    ["a date that is NaN", "c1 f97e00"],
    ["a date that is true", "c1 f5"],
    ["a decimal fraction", "c4 82 21 19 6ab3"],
    ["a generic object (tag 27)", "d8 1b 82 65 4572726f72 6161"],
    ["a package (tag 51)", "d8 33 80"],
    ["a record definition of cbor-x", "d9 dfff 83 19 e000 81 6161 01"],
    ["a tag that nobody registered", "d9 9c41 01"],
    ["a tag beyond the safe integers", "db ffffffffffffffff 01"],
    ["an own type whose decode throws", "d9 9c40 01"],
    ["33 levels", `${"81".repeat(33)}01`],
    ["33 levels of indefinite maps as keys", `${"bf".repeat(33)}`],
    ["33 levels of own types", `${"d99c40".repeat(33)}01`],
    ["a million levels", "81".repeat(1_000_000)],
  ];
  it.each(cases)("%s", (_, text) => {
    expect(() => decodeHex(text)).toThrow(EncodingError);
  });

  it("content of an unknown type", () => {
    expect(() => decodeContent(77, hex("01"))).toThrow(EncodingError);
  });

  it("malformed JSON, and __proto__ in it", () => {
    const json = (text: string) => decodeContent(KIND_JSON, Buffer.from(text));
    expect(json('{"a": [1, null]}')).toEqual({ a: [1, null] });
    expect(() => json("{")).toThrow(EncodingError);
    expect(() => json('{"a": {"__proto__": {"x": 1}}}')).toThrow(EncodingError);
    expect(() => decodeContent(KIND_JSON, hex("22ff22"))).toThrow(EncodingError);
  });

  it("never fails otherwise, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        let value: unknown;
        try {
          value = decodeContent(KIND_CBOR, bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(EncodingError);
          return;
        }
        // What it makes of them makes the round trip; content that is but bytes travels as such.
        if (!(value instanceof Uint8Array)) expect(roundTrip(value)).toEqual(value);
      }),
      { numRuns: 3000 },
    );
  });
});

describe("decoding understands what others write", () => {
  const cases: Array<[string, string, unknown]> = [
    ["half floats", "83 f93c00 f90001 f9fc00", [1, 2 ** -24, Number.NEGATIVE_INFINITY]],
    ["long forms of short numbers", "82 1800 1b0000000000000001", [0, 1]],
    ["indefinite arrays and maps", "9f 01 bf 6161 02 ff ff", [1, { a: 2 }]],
    ["chunked strings", "82 7f 6161 6162 ff 5f 4101 ff", ["ab", Uint8Array.of(1)]],
    [
      "maps with integer keys",
      "a2 01 02 6161 03",
      new Map<unknown, unknown>([
        [1, 2],
        ["a", 3],
      ]),
    ],
    [
      "maps whose first key is a string",
      "a2 6161 03 01 02",
      new Map<unknown, unknown>([
        ["a", 3],
        [1, 2],
      ]),
    ],
    ["negative integers beyond 2^53", "3b ffffffffffffffff", -(2n ** 64n)],
    ["negative 2^53", "3b 001fffffffffffff", -(2n ** 53n)],
    ["an empty bignum", "c2 40", 0n],
  ];
  it.each(cases)("%s", (_, text, value) => {
    expect(decodeHex(text)).toStrictEqual(value);
  });

  it("byte strings are views of what arrived, plain Uint8Arrays", () => {
    const bytes = hex("81 42 0102");
    const [view] = decodeContent(KIND_CBOR, bytes) as [Uint8Array];
    expect(view.buffer).toBe(bytes.buffer);
    expect(view.constructor).toBe(Uint8Array);
  });
});

describe("own types", () => {
  it("are registered once, with a free tag", () => {
    const type = { class: Point, encode: () => 0, decode: () => new Point(0, 0) };
    expect(() => registerContentType({ tag: 40_001, ...type })).toThrow(RangeError);
    class Other {}
    const other = { class: Other, encode: () => 0, decode: () => new Other() };
    for (const tag of [0, 1, 2, 3, 258, 259, 40_000, -1, 1.5, Number.NaN]) {
      expect(() => registerContentType({ tag, ...other })).toThrow(RangeError);
    }
    const builtIn = { tag: 40_002, class: Map, encode: () => 0, decode: () => new Map() };
    expect(() => registerContentType(builtIn)).toThrow(RangeError);
  });

  it("may encode other content while they are encoded", () => {
    class Nesting {}
    registerContentType({
      tag: 40_003,
      class: Nesting,
      encode: () => Buffer.from(encodeContent({ inner: 1 }, LIMIT).bytes).toString("hex"),
      decode: () => new Nesting(),
    });
    expect(Buffer.from(encode(["before", new Nesting(), "after"])).toString("latin1")).toMatch(
      /before.*a165696e6e657201.*after/s,
    );
  });
});

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}

/** Whether the generated value is one that content can be: see "encoding refuses". */
function encodable(value: unknown): boolean {
  if (typeof value === "string") return !/\p{Surrogate}/u.test(value);
  if (typeof value === "bigint") return (value < 0n ? -1n - value : value) < 2n ** 512n;
  if (value instanceof Date) return !Number.isNaN(value.getTime());
  if (value instanceof Map) return [...value].flat().every(encodable);
  if (value instanceof Set) return [...value].every(encodable);
  if (typeof value !== "object" || value === null) return true;
  return (
    !Object.hasOwn(value, "__proto__") &&
    Object.entries(value).every(([key, item]) => encodable(key) && encodable(item))
  );
}
