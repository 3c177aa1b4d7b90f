// Values, errors and own types that come from elsewhere in this process: from another realm, as in
// Jest and in Node-RED, and from another copy of this package.

import { runInNewContext } from "node:vm";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { EncodingError, NetsvcError, RequestError, ServiceFailure } from "../../ts/errors.js";
import * as own from "../../ts/index.js";
import { Service } from "../../ts/service.js";
import { eventually, rejection, within } from "../helpers/eventually.js";
import { fakeRegistry } from "../helpers/fake-native.js";

function setUp(methods: Record<string, (...args: unknown[]) => unknown> = {}) {
  const errors: unknown[] = [];
  const { registry } = fakeRegistry({ callbackError: (error) => errors.push(error) });
  onTestFinished(() => registry.close());
  const service = new Service("s", {
    registry,
    methods: { echo: (_, value) => value, ...methods },
  });
  return { registry, service, remote: registry.service("s"), errors };
}

describe("another realm", () => {
  it.each<[string, unknown]>([
    ["({ payload: 1, deep: [{ a: {} }, null] })", { payload: 1, deep: [{ a: {} }, null] }],
    ["Object.create(null)", {}],
    ["new Date(5)", new Date(5)],
    ["new Uint8Array([1, 2])", Uint8Array.of(1, 2)],
    ["[new Uint8Array([1, 2])]", [Uint8Array.of(1, 2)]],
    ["new Float64Array([1, 2])", Float64Array.of(1, 2)],
    ["new Map([[1, { a: new Set([2]) }]])", new Map([[1, { a: new Set([2]) }]])],
    ["new Proxy({ a: 1 }, {})", { a: 1 }],
  ])("%s is content", async (code, value) => {
    const { remote, registry, service } = setUp({ made: () => runInNewContext(code) });
    expect(await remote.call("echo", [runInNewContext(code)])).toEqual(value);
    expect(await remote.call("made")).toEqual(value);
    expect(await remote.call("echo", runInNewContext(`[${code}]`))).toEqual(value);
    const reports = registry.subscribe("s");
    service.publish("a", runInNewContext(code));
    expect((await within(reports.next())).value?.content).toEqual(value);
  });

  it.each([
    "new (class Own {})()",
    "new (class Own extends null { constructor() { return Object.create(Own.prototype); } })()",
    "Object.create({})",
    "new Error('x')",
    "() => {}",
    "new DataView(new ArrayBuffer(1))",
  ])("%s is none, as anywhere", (code) => {
    const { service } = setUp();
    expect(() => service.publish("a", runInNewContext(code))).toThrow(EncodingError);
  });

  it("has promises whose rejection is told, errors that have a message, and streams", async () => {
    const { remote, registry, service, errors } = setUp({
      rejects: () => runInNewContext("Promise.reject(new TypeError('elsewhere'))"),
      throws: () => runInNewContext("throw new RangeError('elsewhere')"),
      resolves: () => runInNewContext("Promise.resolve(new Uint8Array(3))"),
      streams: () => runInNewContext("(async function* () { yield { a: 1 }; yield 2; })()"),
    });
    for (const method of ["rejects", "throws"]) {
      expect(await rejection(remote.call(method))).toMatchObject({
        ...{ name: "ServiceFailure", code: "error", message: "elsewhere" },
      });
    }
    expect(await remote.call("resolves")).toEqual(new Uint8Array(3));
    const parts = [];
    for await (const part of remote.stream("streams")) parts.push(part);
    expect(parts).toEqual([{ a: 1 }, 2]);
    registry.subscribe("s", "*", () => runInNewContext("Promise.reject('elsewhere')"));
    service.publish("a", 1);
    await eventually(() => errors.length === 1);
    expect(errors).toEqual(["elsewhere"]);
  });
});

describe("another copy of this package", () => {
  async function copy(): Promise<typeof own> {
    vi.resetModules();
    return await import("../../ts/index.js");
  }

  it("makes errors of the same classes", async () => {
    const other = await copy();
    expect(other.ServiceFailure).not.toBe(ServiceFailure);
    const failure = new other.ServiceFailure("bad", "worse", { a: 1 });
    expect(failure).toBeInstanceOf(ServiceFailure);
    expect(failure).not.toBeInstanceOf(NetsvcError);
    const error = new other.RequestError("lost", "no", "x");
    expect(error).toBeInstanceOf(RequestError);
    expect(error).toBeInstanceOf(NetsvcError);
    expect(error).not.toBeInstanceOf(EncodingError);
    expect(new RequestError("lost", "no", "x")).toBeInstanceOf(other.RequestError);
    class Mine extends ServiceFailure {}
    class Theirs extends other.ServiceFailure {}
    expect(failure).not.toBeInstanceOf(Mine);
    expect(new Theirs("x")).toBeInstanceOf(ServiceFailure);
    expect(new Theirs("x")).not.toBeInstanceOf(Mine);
    for (const value of [null, undefined, 1, {}, new Error("x"), Proxy, "ServiceFailure"]) {
      expect(value).not.toBeInstanceOf(ServiceFailure);
    }
  });

  it("throws failures that travel", async () => {
    const other = await copy();
    const { remote } = setUp({
      fails: () => {
        throw new other.ServiceFailure("too-hot", "it burns", { degrees: 90 });
      },
    });
    expect(await rejection(remote.call("fails"))).toMatchObject({
      ...{ code: "too-hot", message: "it burns", data: { degrees: 90 } },
    });
  });

  it("registers content types for all, and each its own", async () => {
    const other = await copy();
    class Celsius {
      readonly degrees: number;
      constructor(degrees: number) {
        this.degrees = degrees;
      }
    }
    const type = {
      ...{ tag: 60_001, class: Celsius, encode: ({ degrees }: Celsius) => degrees },
      decode: (degrees: number) => new Celsius(degrees),
    };
    other.registerContentType<Celsius, number>(type);
    const { remote } = setUp();
    const echoed = await remote.call("echo", [[new Celsius(21)]]);
    expect(echoed).toEqual([new Celsius(21)]);
    expect((echoed as unknown[])[0]).toBeInstanceOf(Celsius);
    // As a library would, that does not know of the other copy.
    own.registerContentType<Celsius, number>(type);
    expect(() => own.registerContentType<Celsius, number>(type)).toThrow(RangeError);
    expect(() => other.registerContentType<Celsius, number>(type)).toThrow(RangeError);
    expect(await remote.call("echo", [new Celsius(3)])).toEqual(new Celsius(3));
  });
});
