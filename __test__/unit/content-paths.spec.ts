// Where in a value the part is that cannot be content.

import { describe, expect, it, onTestFinished } from "vitest";
import { encodeArguments, encodeContent } from "../../ts/content/content.js";
import { registerContentType } from "../../ts/content/tags.js";
import { EncodingError, type RequestError, TooLargeError } from "../../ts/errors.js";
import { Service } from "../../ts/service.js";
import { rejection } from "../helpers/eventually.js";
import { fakeRegistry } from "../helpers/fake-native.js";

const LIMIT = 1 << 20;
const bad = () => {};

/** What encoding ends in. */
function failure(encode: () => unknown): EncodingError {
  try {
    encode();
  } catch (error) {
    expect(error).toBeInstanceOf(EncodingError);
    return error as EncodingError;
  }
  throw new Error("it was encoded");
}

class Boxed {
  readonly inner: unknown;
  constructor(inner: unknown) {
    this.inner = inner;
  }
}
registerContentType({
  ...{ tag: 41_000, class: Boxed },
  encode: ({ inner }) => ({ inner }),
  decode: () => new Boxed(undefined),
});

describe("an error of encoding says where", () => {
  it.each<[string, unknown]>([
    ["devices[0].meta.last", { devices: [{ meta: { first: 1, last: bad } }] }],
    ["[2]", [1, 2, bad]],
    ["[0][1]", [[1, bad]]],
    ['values.get("power").unit', { values: new Map([["power", { unit: bad }]]) }],
    ["get(7)", new Map([[7, bad]])],
    ["get(…)", new Map([[{}, bad]])],
    ["list[1]", { list: new Set([1, bad]) }],
    ['a["b c"].d', { a: { "b c": { d: bad } } }],
    ['["0"].größe', { "0": { größe: bad } }],
    ["box.inner", { box: new Boxed(bad) }],
    ["a.__proto__", { a: JSON.parse('{"__proto__": 1}') }],
    ["at.date", { at: { date: new Date(Number.NaN) } }],
  ])("%s", (path, value) => {
    const error = failure(() => encodeContent(value, LIMIT));
    expect(error.path).toBe(path);
    expect(error.message.endsWith(`, at ${path}`)).toBe(true);
  });

  it("but for the value itself", () => {
    const error = failure(() => encodeContent(bad, LIMIT));
    expect(error).toMatchObject({ message: "a function cannot be content", path: undefined });
  });

  it("from the arguments on, of a call", () => {
    expect(failure(() => encodeArguments([1, { a: bad }], LIMIT)).path).toBe("arguments[1].a");
  });

  it("what threw there as well", () => {
    const value = {
      list: [
        {
          get broken() {
            throw new Error("no");
          },
        },
      ],
    };
    expect(failure(() => encodeContent(value, LIMIT))).toMatchObject({
      message: "content could not be read, at list[0].broken",
      ...{ path: "list[0].broken", cause: { message: "no" } },
    });
  });

  it("anew for each value, and short however long the keys are", () => {
    const key = "k".repeat(10_000);
    let value: unknown = bad;
    for (let level = 0; level < 30; level++) value = { [key]: value };
    const long = failure(() => encodeContent(value, LIMIT));
    expect(long.path?.length).toBeLessThan(300);
    expect(failure(() => encodeContent({ a: bad }, LIMIT)).path).toBe("a");
    const cyclic: { self?: unknown } = {};
    cyclic.self = cyclic;
    expect(failure(() => encodeContent(cyclic, LIMIT)).path).toMatch(/^self\.self\..*\.self$/);
  });

  it("and leaves what is too large alone", () => {
    expect(() => encodeContent({ a: "x".repeat(100) }, 50)).toThrow(TooLargeError);
    expect(() => encodeContent({ a: "x".repeat(100) }, 50)).not.toThrow(/, at/);
  });
});

it("reaches the caller, of the arguments and of the result", async () => {
  const { registry } = fakeRegistry({ log: "off" });
  onTestFinished(() => registry.close());
  new Service("meter", { registry, methods: { read: () => ({ rows: [{ at: bad }] }) } });
  const remote = registry.service("meter");
  const ofArguments = (await rejection(remote.call("read", [{ unit: bad }]))) as RequestError;
  expect(ofArguments).toMatchObject({
    message: "meter.read: a function cannot be content, at arguments[0].unit",
    cause: { path: "arguments[0].unit" },
  });
  expect(await rejection(remote.call("read"))).toMatchObject({
    message: "meter.read: the result: a function cannot be content, at rows[0].at",
  });
});
