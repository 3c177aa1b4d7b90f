import { runInNewContext } from "node:vm";
import { describe, expect, it, onTestFinished } from "vitest";
import { ClosedError, EncodingError, LimitError, TooLargeError } from "../../ts/errors.js";
import type { RegistryOptions } from "../../ts/registry.js";
import { Service } from "../../ts/service.js";
import { eventually } from "../helpers/eventually.js";
import { packTexts } from "../helpers/fake-deliveries.js";
import { fakeRegistry, nativeError } from "../helpers/fake-native.js";

function setUp(options?: RegistryOptions) {
  const fake = fakeRegistry(options);
  onTestFinished(() => fake.registry.close());
  return fake;
}

describe("a service", () => {
  it("is announced in the constructor, complete", () => {
    const { registry, native } = setUp();
    const service = new Service("thermometer", {
      registry,
      groups: ["sensors", "attic", "sensors"],
      audience: "back",
      methods: { read: () => 1, calibrate: async () => {} },
    });
    expect(native.seen).toEqual([
      ["createService", "thermometer", "back", ["sensors", "attic"], ["read", "calibrate"]],
    ]);
    expect(service.identity).toMatch(/^(ab){16}\.\d+$/);
    expect(service.groups).toEqual(["sensors", "attic"]);
    expect(service.methods).toEqual(["read", "calibrate"]);
  });

  it("refuses what cannot be one", () => {
    const { registry, native } = setUp();
    const make = (name: unknown, options: object = {}) => {
      return () => new Service(name as string, { registry, ...options });
    };
    expect(make("")).toThrow(RangeError);
    expect(make(5)).toThrow(TypeError);
    expect(make("ü".repeat(128))).toThrow(RangeError);
    expect(make("x", { groups: [""] })).toThrow(RangeError);
    expect(make("x", { methods: { read: 5 } })).toThrow(TypeError);
    for (const methods of [5, "read", () => {}]) {
      expect(make("x", { methods })).toThrow(TypeError);
    }
    class Derived extends Service {}
    expect(() => new Derived("x", { registry })).toThrow(TypeError);
    expect(native.seen).toEqual([]);
    native.failure = nativeError("limit", "limit services reached: 1024");
    expect(make("x")).toThrow(LimitError);
  });

  it("joins and leaves groups", () => {
    const { registry } = setUp();
    const service = new Service("s", { registry });
    expect([service.join("a"), service.join("b"), service.join("a")]).toEqual([true, true, false]);
    expect(service.groups).toEqual(["a", "b"]);
    expect([service.leave("a"), service.leave("a")]).toEqual([true, false]);
    expect(service.groups).toEqual(["b"]);
  });

  it("takes methods that an object itself has, and says so where a class has them", () => {
    const { registry } = setUp();
    const make = (methods: object) => () => new Service("s", { registry, methods } as object);
    class Base {
      reset(): void {}
    }
    class Meter extends Base {
      get power(): never {
        throw new Error("a getter is not called");
      }
      read(): number {
        return 1;
      }
    }
    class Large {
      a(): void {}
      b(): void {}
      c(): void {}
      d(): void {}
      e(): void {}
      f(): void {}
    }
    const bound = new Base();
    bound.reset = bound.reset.bind(bound);
    expect(make(new Meter())).toThrow(TypeError);
    expect(make(new Meter())).toThrow("methods has read, reset by its class or prototype");
    expect(make(new Meter())).toThrow("as in { read: object.read.bind(object) }");
    expect(make(new Large())).toThrow("has a, b, c, d, e, … by");
    expect(make(new Map([["read", () => 1]]))).toThrow(TypeError);
    expect(make(Object.create({ read: () => 1 }))).toThrow(TypeError);
    for (const methods of [
      bound,
      { __proto__: null, reset: () => 1 },
      runInNewContext("({ reset: () => 1 })") as object,
    ]) {
      expect(new Service("s", { registry, methods } as object).methods).toEqual(["reset"]);
    }
    expect(new Service("s", { registry, methods: new (class {})() } as object).methods).toEqual([]);
  });

  it("gives methods their object as this", async () => {
    const { registry } = setUp();
    new Service("s", {
      registry,
      methods: {
        outer() {
          return (this as unknown as { inner(): number }).inner() + 1;
        },
        inner: () => 1,
      },
    });
    expect(await registry.service("s").call("outer")).toBe(2);
  });

  it("is withdrawn by close, once, and by using", () => {
    const { registry, native } = setUp();
    const service = new Service("s", { registry });
    service.close();
    service.close();
    expect(native.seen.filter(([name]) => name === "closeService")).toHaveLength(1);
    expect(() => service.publish("x", 1)).toThrow(ClosedError);
    expect(() => service.join("g")).toThrow(ClosedError);
    const other = new Service("t", { registry });
    other[Symbol.dispose]();
    expect(native.seen.filter(([name]) => name === "closeService")).toHaveLength(2);
  });

  it("sees who subscribes", async () => {
    const { registry, native } = setUp();
    const service = new Service("s", { registry });
    const events: unknown[] = [];
    service.on("subscribed", (subscriber) => events.push(["subscribed", subscriber]));
    service.on("unsubscribed", (subscriber) => events.push(["unsubscribed", subscriber]));
    const process = "cd".repeat(16);
    const no = Number(service.identity.split(".")[1]);
    const texts = packTexts([process, "host:7", "temperature.*"]);
    native.deliveries.add([11, no, 1], texts);
    await eventually(() => events.length === 1);
    const subscriber = { process, label: "host:7", pattern: "temperature.*" };
    expect(service.subscribers).toEqual([subscriber]);
    native.deliveries.add([11, no, 0], texts);
    await eventually(() => events.length === 2);
    expect(service.subscribers).toEqual([]);
    expect(events).toEqual([
      ["subscribed", subscriber],
      ["unsubscribed", subscriber],
    ]);
  });
});

describe("publish", () => {
  it("hands no memory to the native side that other threads write", () => {
    const { registry, native } = setUp();
    const service = new Service("s", { registry });
    const shared: boolean[] = [];
    const note = (content: Uint8Array) => {
      shared.push(content.buffer instanceof SharedArrayBuffer);
      expect(content.every((byte) => byte === 7)).toBe(true);
      return true;
    };
    native.publish = (_no, _subject, _kind, content) => note(content);
    native.publishTo = (_no, _subject, _kind, content) => note(content);
    const make = (Type: ArrayBufferConstructor | SharedArrayBufferConstructor, size: number) =>
      new Uint8Array(new Type(size + 8), 4, size).fill(7);
    for (const Type of [SharedArrayBuffer, ArrayBuffer]) {
      service.publish("kept", make(Type, 20), { lifetime: 5 });
      service.publish("large", make(Type, 100_000));
      service.publish("to one", make(Type, 20), { to: "cd".repeat(16) });
      service.publish("packed", make(Type, 20));
    }
    expect(shared).toEqual(new Array(6).fill(false));
  });

  it("packs reports that are not kept, and sends others at once", () => {
    const { registry, native } = setUp();
    const service = new Service("s", { registry });
    native.seen.length = 0;
    expect(service.publish("a", 1)).toBe(true);
    expect(service.publish("b", 2, { lifetime: 0 })).toBe(true);
    expect(native.seen).toEqual([]);
    expect(service.publish("c", 3, { lifetime: 1.5 })).toBe(true);
    service.publish("d", 4, { lifetime: Number.POSITIVE_INFINITY });
    service.publish("e", new Uint8Array(20_000));
    const seen = native.seen.map(([name, , subject, ...rest]) => [name, subject, ...rest]);
    expect(seen.map(([name, subject]) => [name, subject])).toEqual([
      ["submit", undefined],
      ["publish", "a"],
      ["publish", "b"],
      ["publish", "c"],
      ["publish", "d"],
      ["publish", "e"],
    ]);
    expect(native.seen.slice(3).map((each) => each.at(-1))).toEqual([1500, -1, 0]);
  });

  it("returns false above 1 MiB queued, and looks again before it says so, once a turn", async () => {
    const { registry, native } = setUp();
    const service = new Service("s", { registry });
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const crossings = () => native.seen.filter(([name]) => name === "submit").length;
    native.queued = 2 << 20;
    service.publish("a", 1);
    await turn();
    expect(service.publish("a", 1)).toBe(false);
    const before = crossings();
    for (let times = 0; times < 10; times++) expect(service.publish("a", 1)).toBe(false);
    expect(crossings()).toBe(before);
    await turn();
    native.queued = 0;
    expect(service.publish("a", 1)).toBe(true);
    await turn();
    // What is handed over meanwhile tells as well.
    native.queued = 2 << 20;
    const answers = Array.from({ length: 8 }, () => service.publish("a", "x".repeat(10_000)));
    expect(answers).toEqual([...Array(6).fill(true), false, false]);
    await turn();
    // A large command crosses alone, and at once.
    const { methods } = registry.service("t");
    methods.m?.("x".repeat(100_000))?.catch(() => {});
    expect(service.publish("a", 1)).toBe(false);
    await turn();
    native.queued = 0;
    expect(service.publish("a", 1)).toBe(true);
  });

  it("throws what is wrong, at once", () => {
    const { registry, native } = setUp({ limits: { payload: 100 } });
    const service = new Service("s", { registry });
    expect(() => service.publish("a", () => {})).toThrow(EncodingError);
    expect(() => service.publish("a", "x".repeat(100))).toThrow(TooLargeError);
    expect(() => service.publish("x".repeat(1025), 1)).toThrow(RangeError);
    expect(() => service.publish(5 as never, 1)).toThrow(TypeError);
    for (const lifetime of [-1, Number.NaN, "1"]) {
      expect(() => service.publish("a", 1, { lifetime: lifetime as number })).toThrow(RangeError);
    }
    native.failure = nativeError("limit", "limit keptValues reached: 10000");
    expect(() => service.publish("a", 1, { lifetime: 1 })).toThrow(LimitError);
  });

  it("that fails behind the border is logged", async () => {
    const lines: string[] = [];
    const { native } = setUp({ log: ({ level, message }) => lines.push(`${level} ${message}`) });
    native.deliveries.add([13, 4, 3], packTexts(["closed", 'publish of "a"']));
    await eventually(() => lines.length === 1);
    expect(lines[0]).toBe('error publish of "a" [closed] (and 2 more)');
  });
});

describe("a registry", () => {
  it("checks its options and does nothing before its first use", () => {
    const { registry, native } = setUp({
      label: "hub",
      limits: { payload: 5, keptValues: 7 },
    });
    expect(native.options).toMatchObject({ label: "hub", limits: { payload: 5, keptValues: 7 } });
    expect(registry.label).toBe("hub");
    expect(registry.id).toBe("ab".repeat(16));
    const wrong: RegistryOptions[] = [
      { limits: { payload: 0 } },
      { limits: { payload: 1.5 } },
      { limits: { payload: (64 << 20) + 1 } },
      { limits: { memory: (1 << 20) - 1 } },
      { limits: { pay: 1 } as never },
      { maxTimeout: 0 },
      { maxTimeout: Number.POSITIVE_INFINITY },
      { maxRetry: 0 },
      { maxRetry: 31_536_001 },
      { label: "" },
    ];
    for (const options of wrong) expect(() => fakeRegistry(options)).toThrow(RangeError);
  });

  it("survives deliveries it does not know", async () => {
    const lines: string[] = [];
    const { registry, native } = setUp({ log: ({ message }) => lines.push(message) });
    native.deliveries.add([99, 1, 2]);
    await eventually(() => lines.length === 1);
    const service = new Service("s", { registry, methods: { ping: () => "pong" } });
    expect(await registry.service("s").call("ping")).toBe("pong");
    service.close();
  });
});

describe("one wake-up", () => {
  it("delivers for a bounded time, and lets others run before it goes on", async () => {
    const { registry } = setUp();
    let turns = 0;
    let delivered = 0;
    registry.subscribe("s", "*", () => {
      // Work that takes longer than a wake-up may.
      const end = performance.now() + 0.5;
      while (performance.now() < end);
      delivered += 1;
    });
    const service = new Service("s", { registry });
    for (let n = 0; n < 300; n++) service.publish("n", n);
    const timer = setInterval(() => {
      turns += 1;
    }, 1);
    await eventually(() => delivered === 300);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(5);
  });
});
