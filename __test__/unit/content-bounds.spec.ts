// What one content may hold: the same at both ends, and decoding costs what its bytes allow.

import { describe, expect, it } from "vitest";
import {
  decodeArguments,
  decodeContent,
  encodeArguments,
  encodeContent,
  KIND_CBOR,
  KIND_JSON,
} from "../../ts/content/content.js";
import { EncodingError } from "../../ts/errors.js";
import { stepsOf } from "../helpers/insertions.js";

const MIB = 1 << 20;
const LIMIT = 64 * MIB;
/** Digits of text that V8 may take for an array index. */
const BILLION = 1e9;

function roundTrip(value: unknown): unknown {
  return decodeContent(KIND_CBOR, Uint8Array.from(encodeContent(value, LIMIT).bytes));
}

/** An item again and again between two bytes, `size` bytes in all or a little less. */
function repeated(first: string, size: number, item: (index: number) => string): Uint8Array {
  const parts = [first];
  let bytes = first.length / 2 + 1;
  for (let index = 0; ; index++) {
    const next = item(index);
    bytes += next.length / 2;
    if (bytes > size) break;
    parts.push(next);
  }
  return new Uint8Array(Buffer.from(`${parts.join("")}ff`, "hex"));
}

/** CBOR of an integer of four bytes, of a bigint of nine and of a text of ten digits. */
const integer = (index: number) => `1a${hex(0x1_0000 + index, 8)}`;
const bigint = (index: number) => `c249${hex(index + 1, 2 * 4)}${"0".repeat(10)}`;
const double = (index: number) => Buffer.from(encodeContent(index + 0.1, 9).bytes).toString("hex");
const digits = (index: number) => `6a${Buffer.from(String(BILLION + index)).toString("hex")}`;

function hex(value: number, length: number): string {
  return value.toString(16).padStart(length, "0");
}

/** Message of the error that `work` throws, or "". */
function refusal(work: () => unknown): string {
  try {
    work();
    return "";
  } catch (error) {
    expect(error).toBeInstanceOf(EncodingError);
    return (error as Error).message;
  }
}

describe("the steps of look-ups while content is decoded", () => {
  const map = (key: (index: number) => string) => (size: number) =>
    repeated("bf", size, (index) => `${key(index)}00`);
  const many = (count: number, head: string, item: (index: number) => string) => (size: number) => {
    const one = head + Array.from({ length: count }, (_, index) => item(index)).join("");
    return repeated("9f", size, () => one);
  };
  const cases: Array<[string, (size: number) => Uint8Array]> = [
    ["one Map of integers", map(integer)],
    ["one Map of doubles", map(double)],
    ["one Map of bigints", map(bigint)],
    ["one Map of digits", (size) => repeated("d90103bf", size, (index) => `${digits(index)}00`)],
    ["an object that becomes a Map", (size) => repeated("bf", size, late(size))],
    ["one Set of integers", (size) => repeated("d901029f", size, integer)],
    ["one Set of digits", (size) => repeated("d901029f", size, digits)],
    ["Maps of 1,024", many(1024, "b90400", (index) => `${integer(index)}00`)],
    ["Sets of 1,024", many(1024, "d90102990400", integer)],
    ["Sets of 100", many(100, "d901029864", integer)],
  ];
  it.each(cases)("%s: are bounded, and grow with its bytes alone", (_, make) => {
    for (const size of [64 << 10, 256 << 10, MIB, 4 * MIB]) {
      const bytes = make(size);
      const steps = stepsOf(() => void refusal(() => decodeContent(KIND_CBOR, bytes)));
      expect(steps).toBeLessThanOrEqual(Math.max(2 * MIB, 2 * bytes.length));
    }
  });

  /** Text of digits, and a number as the last key, which makes a Map of the object. */
  function late(size: number) {
    const last = Math.floor(size / 13) - 2;
    return (index: number) => (index >= last ? `${integer(index)}00` : `${digits(index)}00`);
  }
});

describe("numbers in Maps and Sets", () => {
  const numbers = (count: number) => Array.from({ length: count }, (_, index) => index * 3.5);
  const mapOf = (keys: readonly unknown[]) => new Map(keys.map((key) => [key, 1]));

  it("are 2,048 in one, at both ends", () => {
    const count = 2048;
    const all = numbers(count + 1);
    const texts = all.map((_, index) => String(index));
    for (const keys of [all, texts, texts.map(BigInt)] as unknown[][]) {
      const allowed = keys.slice(0, count);
      expect([...(roundTrip(mapOf(allowed)) as Map<unknown, unknown>).keys()]).toEqual(allowed);
      expect([...(roundTrip(new Set(allowed)) as Set<unknown>)]).toEqual(allowed);
      for (const value of [mapOf(keys), new Set(keys)]) {
        const text = refusal(() => encodeContent(value, LIMIT));
        expect(text).toMatch(/too many numbers as keys.* at most 2048 in one.*Send an array/);
      }
    }
    const entries = all.map((_, index) => `${integer(index)}00`).join("");
    const map = Buffer.from(`b90801${entries}`, "hex");
    expect(refusal(() => decodeContent(KIND_CBOR, map))).toContain("at most 2048 in one");
  });

  it("are fewer in several: their squares add up", () => {
    const sixteen = (count: number) => Array.from({ length: 16 }, () => mapOf(numbers(count)));
    expect(roundTrip(sixteen(512))).toStrictEqual(sixteen(512));
    expect(refusal(() => encodeContent([...sixteen(512), new Set([1])], LIMIT))).toContain(
      "the squares of their counts",
    );
  });

  it("may be more in larger content", () => {
    const many = Array.from({ length: 60 }, () => mapOf(numbers(512)));
    expect(refusal(() => encodeContent(many, LIMIT))).not.toBe("");
    expect(roundTrip([many, new Uint8Array(4 * MIB)])).toHaveLength(2);
  });

  it("are not texts, objects and other keys, of which there may be any number", () => {
    const texts = numbers(20_000).map((_, index) => `id ${index}`);
    expect(roundTrip(mapOf(texts))).toStrictEqual(mapOf(texts));
    expect(roundTrip(new Set(texts))).toStrictEqual(new Set(texts));
    const objects = numbers(20_000).map(() => [null]);
    expect((roundTrip(new Set(objects)) as Set<unknown>).size).toBe(20_000);
    const indices = Object.fromEntries(numbers(20_000).map((_, index) => [7 * index, index]));
    expect(roundTrip(indices)).toStrictEqual(indices);
  });
});

describe("objects", () => {
  const pairs = (count: number) => Array.from({ length: count }, () => []);

  it("are 131,072 in small content, at both ends", () => {
    expect(roundTrip(pairs(131_071))).toHaveLength(131_071);
    expect(refusal(() => encodeContent(pairs(131_072), LIMIT))).toMatch(
      /more than 131072 arrays.*send it in parts/,
    );
    for (const item of ["80", "a0", "40", "c100", "9fff", "d9010280", "d90103a0"]) {
      const bytes = repeated("9f", MIB, () => item);
      expect(refusal(() => decodeContent(KIND_CBOR, bytes))).toContain("more than 131072 arrays");
    }
  });

  it("are one per 8 bytes in larger content", () => {
    const records = Array.from({ length: 200_000 }, (_, index) => ["sensor", index]);
    expect(roundTrip(records)).toHaveLength(200_000);
    expect(refusal(() => encodeContent([pairs(1.5 * MIB), new Uint8Array(MIB)], LIMIT))).toContain(
      "more than one per 8 bytes",
    );
  });
});

describe("other bounds", () => {
  it("text that is a key, or in a Set: 16,383 units", () => {
    const [most, more] = ["é".repeat(16_383), "é".repeat(16_384)];
    const holding = (text: string) => [{ [text]: 1 }, new Map([[text, 1]]), new Set([text])];
    expect(roundTrip(holding(most))).toStrictEqual(holding(most));
    for (const value of holding(more)) {
      expect(refusal(() => encodeContent(value, LIMIT))).toMatch(/16383 characters.*a value/);
    }
    expect(roundTrip([more])).toStrictEqual([more]);
    const text = `794000${"61".repeat(16_384)}`;
    for (const content of [`a1${text}00`, `d90103a1${text}00`, `d9010281${text}`]) {
      const bytes = Buffer.from(content, "hex");
      expect(refusal(() => decodeContent(KIND_CBOR, bytes))).toContain("16383 characters");
    }
  });

  it("nesting: 32 levels, and what to do", () => {
    const cyclic: unknown[] = [];
    cyclic.push(cyclic);
    expect(refusal(() => encodeContent(cyclic, LIMIT))).toMatch(/32 levels.*flatter/);
    const deep = Buffer.from("81".repeat(33), "hex");
    expect(refusal(() => decodeContent(KIND_CBOR, deep))).toMatch(/32 levels.*flatter/);
  });

  it("arguments: 1,024", () => {
    const args = (count: number) => new Array<number>(count).fill(0);
    const encoded = (count: number) => Uint8Array.from(encodeContent(args(count), LIMIT).bytes);
    expect(encodeArguments(args(1024), LIMIT).kind).toBe(KIND_CBOR);
    expect(refusal(() => encodeArguments(args(1025), LIMIT))).toContain("1024 arguments");
    expect(decodeArguments(KIND_CBOR, encoded(1024))).toHaveLength(1024);
    expect(refusal(() => decodeArguments(KIND_CBOR, encoded(1025)))).toContain("1024 arguments");
  });

  it("chunks of nothing cost nothing", () => {
    expect(
      decodeContent(
        KIND_CBOR,
        repeated("7f", MIB, () => "60"),
      ),
    ).toBe("");
    expect(
      decodeContent(
        KIND_CBOR,
        repeated("5f", MIB, () => "40"),
      ),
    ).toStrictEqual(new Uint8Array());
    expect(
      refusal(() =>
        decodeContent(
          KIND_CBOR,
          repeated("5f", MIB, () => "4100"),
        ),
      ),
    ).toContain("more than 131072");
    expect(decodeContent(KIND_CBOR, Buffer.from("7f61616062c3a9ff", "hex"))).toBe("aé");
  });
});

describe("JSON", () => {
  const json = (text: string) => decodeContent(KIND_JSON, Buffer.from(text));
  const indices = (count: number) =>
    Array.from({ length: count }, (_, index) => String(BILLION + index));

  it("may have 2,048 texts of digits, escaped or not", () => {
    expect(json(JSON.stringify(indices(2048)))).toStrictEqual(indices(2048));
    expect(refusal(() => json(JSON.stringify(indices(2049))))).toContain("too many numbers");
    const escaped = indices(2049).map((text) => `"\\u0031${text.slice(1)}"`);
    expect(refusal(() => json(`[${escaped}]`))).toContain("too many numbers");
  });

  it("may have any number of other texts, and of keys that are digits", () => {
    const value = Object.fromEntries(indices(5000).map((text) => [text, `${text} °C`]));
    expect(json(JSON.stringify(value))).toStrictEqual(value);
  });

  it("has the other bounds of content", () => {
    expect(json("[".repeat(32) + "]".repeat(32))).toBeDefined();
    expect(json(`["[[[[", ${'{"a":"]}\\"["},'.repeat(100)} 1]`)).toHaveLength(102);
    expect(refusal(() => json("[".repeat(33) + "]".repeat(33)))).toContain("32 levels");
    expect(refusal(() => json(`[${"[],".repeat(131_072)}1]`))).toContain("131072 arrays");
    expect(refusal(() => json(`{"${"k".repeat(16_384)}" : 1}`))).toContain("16383 characters");
    expect(json(`["${"k".repeat(16_384)}" , 1]`)).toHaveLength(2);
  });

  it.each(['"', '["a', '"\\', '{"a":"b\\"', "]]]]", '["1",]'])("is malformed: %s", (text) => {
    expect(refusal(() => json(text))).toContain("not JSON");
  });
});

describe("bytes", () => {
  it("on memory that was transferred or shrunk are refused, empty ones are not", () => {
    expect(encodeContent(new Uint8Array(), LIMIT).bytes).toHaveLength(0);
    const buffer = new ArrayBuffer(100);
    const bytes = new Uint8Array(buffer, 10, 20);
    const buffered = Buffer.from(buffer);
    structuredClone(buffer, { transfer: [buffer] });
    const resizable = new (ArrayBuffer as never as ResizableConstructor)(100, {
      maxByteLength: 200,
    });
    const outside = new Uint8Array(resizable, 60, 20);
    resizable.resize(70);
    for (const gone of [bytes, outside, buffered]) {
      for (const value of [gone, [gone]]) {
        expect(refusal(() => encodeContent(value, LIMIT))).toMatch(/transferred or shrunk/);
      }
    }
    const whole = new Uint8Array(resizable);
    expect(encodeContent(whole, LIMIT).bytes).toHaveLength(70);
    expect(roundTrip([whole])).toStrictEqual([new Uint8Array(70)]);
  });
});

interface ResizableConstructor {
  new (
    length: number,
    options: { maxByteLength: number },
  ): ArrayBuffer & {
    resize(length: number): void;
  };
}
