// Typed arrays in content: RFC 8746.

import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeContent, encodeContent, KIND_CBOR } from "../../ts/content/content.js";
import { registerContentType } from "../../ts/content/tags.js";
import { EncodingError, TooLargeError } from "../../ts/errors.js";

const LIMIT = 1 << 20;

function encode(value: unknown, limit = LIMIT): Uint8Array {
  return Uint8Array.from(encodeContent(value, limit).bytes);
}

/** `offset`: where in memory the content begins; it may be anywhere. */
function decode(bytes: Uint8Array, offset = 0): unknown {
  const memory = new Uint8Array(offset + bytes.length);
  memory.set(bytes, offset);
  return decodeContent(KIND_CBOR, memory.subarray(offset));
}

function hex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
}

const ARRAYS: Array<[string, fc.Arbitrary<object>]> = [
  ["Int8Array", fc.int8Array()],
  ["Uint8ClampedArray", fc.uint8ClampedArray()],
  ["Int16Array", fc.int16Array()],
  ["Uint16Array", fc.uint16Array()],
  ["Int32Array", fc.int32Array()],
  ["Uint32Array", fc.uint32Array()],
  ["BigInt64Array", fc.bigInt64Array()],
  ["BigUint64Array", fc.bigUint64Array()],
  ["Float32Array", fc.float32Array()],
  ["Float64Array", fc.float64Array()],
];

describe("a typed array", () => {
  it.each(ARRAYS)(
    "%s makes the round trip, alone and within, from anywhere in memory",
    (name, any) => {
      fc.assert(
        fc.property(any, fc.nat(9), (array, offset) => {
          expect(array.constructor.name).toBe(name);
          expect(decode(encode(array), offset)).toStrictEqual(array);
          expect(decode(encode({ a: [array] }), offset)).toStrictEqual({ a: [array] });
        }),
        { numRuns: 100 },
      );
    },
  );

  it.each<[string, string, object]>([
    ["uint8", "d840 42 01ff", Uint8Array.of(1, 255)],
    ["uint8, clamped", "d844 42 01ff", Uint8ClampedArray.of(1, 255)],
    ["int8", "d848 42 01ff", Int8Array.of(1, -1)],
    ["uint16, big-endian", "d841 44 0001fffe", Uint16Array.of(1, 65_534)],
    ["uint16, little-endian", "d845 44 0100feff", Uint16Array.of(1, 65_534)],
    ["int16, big-endian", "d849 44 0001fffe", Int16Array.of(1, -2)],
    ["int16, little-endian", "d84d 44 0100feff", Int16Array.of(1, -2)],
    ["uint32, big-endian", "d842 44 00000102", Uint32Array.of(258)],
    ["uint32, little-endian", "d846 44 02010000", Uint32Array.of(258)],
    ["int32, big-endian", "d84a 44 fffffffe", Int32Array.of(-2)],
    ["int32, little-endian", "d84e 44 feffffff", Int32Array.of(-2)],
    ["uint64, big-endian", "d843 48 0000000000000102", BigUint64Array.of(258n)],
    ["uint64, little-endian", "d847 48 0201000000000000", BigUint64Array.of(258n)],
    ["int64, big-endian", "d84b 48 fffffffffffffffe", BigInt64Array.of(-2n)],
    ["int64, little-endian", "d84f 48 feffffffffffffff", BigInt64Array.of(-2n)],
    ["float32, big-endian", "d851 44 41ac0000", Float32Array.of(21.5)],
    ["float32, little-endian", "d855 44 0000ac41", Float32Array.of(21.5)],
    ["float64, big-endian", "d852 48 4035800000000000", Float64Array.of(21.5)],
    ["float64, little-endian", "d856 48 0000000000803540", Float64Array.of(21.5)],
    ["without elements", "d856 40", new Float64Array()],
    ["in chunks", "d855 5f 41 00 43 00ac41 ff", Float32Array.of(21.5)],
    ["with a longer head than it needs", "da00000055 5a00000004 0000ac41", Float32Array.of(21.5)],
  ])("is read as written elsewhere: %s", (_, text, array) => {
    expect(decode(hex(text), 3)).toStrictEqual(array);
  });

  it("is written in the order of this machine's bytes, with its tag", () => {
    const little = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
    const expected = little ? "d855 44 0000ac41" : "d851 44 41ac0000";
    expect(encode(Float32Array.of(21.5))).toEqual(hex(expected));
  });

  it("is content as a part of another's memory, a shared or another realm's one, a subclass's", () => {
    class Samples extends Float32Array {}
    const shared = new Float32Array(new SharedArrayBuffer(8));
    shared.set([1, 2]);
    for (const array of [
      new Float32Array(Float32Array.of(0, 1, 2, 3).buffer, 4, 2),
      shared,
      runInNewContext("Float32Array.of(1, 2)") as object,
      Samples.of(1, 2),
    ]) {
      expect(decode(encode([array]))).toStrictEqual([Float32Array.of(1, 2)]);
    }
  });

  it("has memory of its own when it arrives", () => {
    const bytes = encode(Float32Array.of(21.5));
    const array = decodeContent(KIND_CBOR, bytes) as Float32Array;
    bytes.fill(0xff);
    expect(array).toEqual(Float32Array.of(21.5));
    expect(array.buffer.byteLength).toBe(4);
  });
});

describe("no typed array", () => {
  it.each([
    ["half an element", "d855 43 000000"],
    ["half an element, swapped", "d851 43 000000"],
    ["half an element of 8 bytes", "d856 44 00000000"],
    ["half an element of 2 bytes, swapped", "d841 41 00"],
    ["half an element, in chunks", "d855 5f 41 00 42 0000 ff"],
    ["text", "d855 64 61616161"],
    ["an array", "d855 81 00"],
    ["a tag", "d855 d855 44 00000000"],
    ["nothing", "d855"],
    ["more bytes than there are", "d855 44 0000"],
    ["more bytes than memory has", "d855 5b ffffffffffffffff"],
    ["the reserved tag", "d84c 44 00000000"],
    ["128-bit floats", "d853 50 00000000000000000000000000000000"],
    ["128-bit floats, little-endian", "d857 50 00000000000000000000000000000000"],
  ])("ends in an EncodingError: %s", (_, text) => {
    expect(() => decode(hex(text))).toThrow(EncodingError);
  });

  it("is any bytes behind such a tag, or they are one of whole elements", () => {
    const tag = fc.integer({ min: 64, max: 87 });
    fc.assert(
      fc.property(tag, fc.uint8Array({ maxLength: 40 }), (tag, rest) => {
        try {
          expect(ArrayBuffer.isView(decode(Uint8Array.of(0xd8, tag, ...rest)))).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(EncodingError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("is one whose memory is gone, a DataView or an ArrayBuffer", () => {
    const { buffer } = Float32Array.of(1);
    const gone = new Float32Array(buffer);
    structuredClone(buffer, { transfer: [buffer] });
    for (const value of [gone, new DataView(new ArrayBuffer(4)), new ArrayBuffer(4)]) {
      expect(() => encode([value])).toThrow(EncodingError);
    }
    expect(() => encode([gone])).toThrow("transferred or shrunk");
  });

  it("is beyond the limit, or one of more than may be in one content", () => {
    expect(() => encode(new Float64Array(100), 500)).toThrow(TooLargeError);
    const empty = new Float64Array();
    expect(decode(encode(new Array(60_000).fill(empty)))).toHaveLength(60_000);
    const many = new Array(66_000).fill(empty);
    expect(() => encode(many)).toThrow("content has more than 131072");
    const count = hex("9a 000101d0");
    const bytes = Buffer.concat([count, Buffer.from("d85640".repeat(66_000), "hex")]);
    expect(() => decode(bytes)).toThrow("content has more than 131072");
  });

  it("can be registered as an own type, nor its tags", () => {
    const type = { encode: () => 1, decode: () => Float32Array.of() };
    expect(() => registerContentType({ ...type, tag: 40_500, class: Float32Array })).toThrow(
      RangeError,
    );
    class Own {}
    for (const tag of [64, 76, 85, 87]) {
      expect(() =>
        registerContentType({ tag, class: Own, encode: () => 1, decode: () => new Own() }),
      ).toThrow(RangeError);
    }
  });
});

const float16 = (globalThis as { Float16Array?: typeof Float32Array }).Float16Array;

describe("a Float16Array", () => {
  it("travels where it is known, and is an EncodingError where not", () => {
    if (float16 === undefined) expect(() => decode(hex("d854 42 003c"))).toThrow(EncodingError);
    else expect(decode(encode(float16.of(1)))).toStrictEqual(float16.of(1));
  });
});
