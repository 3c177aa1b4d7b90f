import { describe, expect, it, onTestFinished } from "vitest";
import { ClosedError, RequestError, ServiceFailure } from "../../ts/errors.js";
import type { RegistryOptions } from "../../ts/registry.js";
import { Service } from "../../ts/service.js";
import { eventually, rejection, within } from "../helpers/eventually.js";
import { type FakeRegistry, fakeRegistry, nativeError } from "../helpers/fake-native.js";

interface Calculator {
  methods: {
    add(a: number, b: number): number;
    echo(value?: unknown): unknown;
    fail(how: string): never;
    hang(): never;
    then(): string;
  };
}

function setUp(options?: RegistryOptions) {
  const fake = fakeRegistry(options);
  onTestFinished(() => fake.registry.close());
  const calculator = new Service<Calculator>("calculator", {
    registry: fake.registry,
    methods: {
      add: (_, a, b) => a + b,
      echo: async (_, value) => value,
      fail: (_, how) => {
        if (how === "failure") throw new ServiceFailure("too-hot", "it burns", { degrees: 90 });
        if (how === "unencodable") throw new ServiceFailure("bad", "data", () => {});
        // biome-ignore lint/style/useThrowOnlyError: applications do it
        if (how === "string") throw "just a string";
        throw Object.assign(new TypeError("secret is 42"), { hidden: true });
      },
      hang: ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
      // biome-ignore lint/suspicious/noThenProperty: a method may have any name
      then: () => "not a promise",
    },
  });
  return { ...fake, calculator, remote: fake.registry.service<Calculator>("calculator") };
}

function names(native: FakeRegistry): string[] {
  return native.seen.map(([name]) => name);
}

describe("a request", () => {
  it("resolves with the handler's result, sent or awaited", async () => {
    const { remote } = setUp();
    expect(await remote.methods.add(1, 2)).toBe(3);
    expect(await remote.call("add", [2, 3])).toBe(5);
    expect(await remote.call("echo")).toBe(undefined);
    expect(await remote.methods.echo(new Map([[1, new Date(5)]]))).toEqual(
      new Map([[1, new Date(5)]]),
    );
    expect(await remote.methods.echo(Uint8Array.of(1, 2))).toEqual(Uint8Array.of(1, 2));
  });

  it("goes to an identity as well", async () => {
    const { registry, calculator } = setUp();
    const remote = registry.service<Calculator>({ identity: calculator.identity });
    expect(remote.identity).toBe(calculator.identity);
    expect(remote.name).toBeUndefined();
    expect(await remote.methods.add(1, 1)).toBe(2);
  });

  it("says whom it prefers by a name, the own process unless it does not care", async () => {
    const { remote, native } = setUp();
    native.seen.length = 0;
    await remote.call("add", [1, 2], { prefer: "local" });
    await remote.call("add", [1, 2], { prefer: "any" });
    const asked = native.seen.filter(([name]) => name === "request");
    expect(asked.map((seen) => seen.includes("any"))).toEqual([false, true]);
    const prefer = "remote" as "any";
    expect(await rejection(remote.call("add", [1, 2], { prefer }))).toBeInstanceOf(RangeError);
    expect(() => remote.stream("add", [1, 2], { prefer })).toThrow(RangeError);
  });

  it("crosses the border together with the others of its turn", async () => {
    const { remote, native } = setUp();
    native.seen.length = 0;
    const results = await Promise.all([1, 2, 3].map((n) => remote.methods.add(n, n)));
    expect(results).toEqual([2, 4, 6]);
    expect(names(native).slice(0, 4)).toEqual(["submit", "request", "request", "request"]);
    expect(names(native).filter((name) => name === "submit")).toHaveLength(2);
  });

  it("of more than 64 KiB crosses at once, in order", async () => {
    const { remote, native } = setUp();
    native.seen.length = 0;
    const large = new Uint8Array(100_000).fill(7);
    const results = Promise.all([remote.methods.echo(1), remote.methods.echo(large)]);
    expect(names(native)).toEqual(["submit", "request", "submit", "request"]);
    expect(await results).toEqual([1, large]);
  });

  it("waits for nothing packed before a synchronous command", async () => {
    const { remote, native, registry } = setUp();
    native.seen.length = 0;
    const result = remote.methods.add(1, 2);
    registry.lookup();
    expect(names(native)).toEqual(["submit", "request", "lookup"]);
    await result;
  });

  it("keeps the process alive until it ends", async () => {
    const { remote, environment } = setUp();
    expect(environment.held).toBe(false);
    const result = remote.methods.add(1, 2);
    expect(environment.held).toBe(true);
    await result;
    expect(environment.held).toBe(false);
  });
});

describe("a failure", () => {
  it("of the service arrives with code, message and data", async () => {
    const { remote } = setUp();
    const error = await rejection(remote.methods.fail("failure"));
    expect(error).toBeInstanceOf(ServiceFailure);
    expect(error).toMatchObject({
      name: "ServiceFailure",
      code: "too-hot",
      message: "it burns",
      data: { degrees: 90 },
      delivered: "yes",
    });
  });

  it("that was not meant arrives without stack and properties, and is logged at home", async () => {
    const lines: string[] = [];
    const { remote } = setUp({ log: ({ message }) => lines.push(message) });
    const error = (await rejection(remote.methods.fail("error"))) as ServiceFailure;
    expect(error).toMatchObject({ code: "error", message: "secret is 42", data: undefined });
    expect(error).not.toHaveProperty("hidden");
    expect(error.stack).not.toContain("calculator");
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/calculator\.fail failed: TypeError: secret is 42\n\s+at /);
    expect(await rejection(remote.methods.fail("string"))).toMatchObject({
      code: "error",
      message: "just a string",
    });
  });

  it.each([
    ["whose data cannot be encoded", "fail", ["unencodable"], "encoding"],
    ["of the result to be encoded", "echo", ["f"], "encoding"],
    [
      "of the result to be small enough",
      "echo",
      ["big"],
      "too-large",
      "odd.echo: the result exceeds limits.payload of the provider, which is 1000 bytes",
    ],
  ])("%s", async (_, method, args, code, message = expect.anything()) => {
    const { registry } = setUp({ limits: { payload: 1000 } });
    const odd = new Service("odd", {
      registry,
      methods: {
        fail: () => {
          throw new ServiceFailure("bad", "data", () => {});
        },
        echo: (_, what) => (what === "f" ? () => {} : "x".repeat(1001)),
      },
    });
    const error = await rejection(registry.service("odd").call(method, args));
    expect(error).toBeInstanceOf(RequestError);
    expect(error).toMatchObject({ code, message, delivered: "yes" });
    odd.close();
  });

  it.each([
    ["encoding", () => {}, expect.anything()],
    [
      "too-large",
      "x".repeat(2 << 20),
      "calculator.echo: the arguments exceed limits.payload of the caller, which is 1048576 bytes",
    ],
  ])("of the arguments (%s) is found before anything is sent", async (code, argument, message) => {
    const { remote, native, environment } = setUp();
    native.seen.length = 0;
    const error = await rejection(remote.methods.echo(argument));
    expect(error).toBeInstanceOf(RequestError);
    expect(error).toMatchObject({ code, message, delivered: "no" });
    expect(native.seen).toEqual([]);
    expect(environment.held).toBe(false);
  });

  it("of the framework arrives with its code", async () => {
    const { registry, native } = setUp();
    expect(await rejection(registry.service("nobody").call("x"))).toMatchObject({
      name: "RequestError",
      code: "no-service",
      delivered: "no",
    });
    const pending = registry.service("calculator").call("hang");
    await eventually(() => native.pending > 0);
    const [, key] = native.seen.findLast(([name]) => name === "request") ?? [];
    native.fail(Number(key), 6, 2, "the link was lost");
    expect(await rejection(pending)).toMatchObject({
      code: "link-lost",
      delivered: "unknown",
      message: "calculator.hang: the link was lost",
    });
  });

  it("of the border ends every request instead of letting it hang", async () => {
    const lines: string[] = [];
    const { remote, native } = setUp({ log: ({ message }) => lines.push(message) });
    const { submit } = native;
    native.submit = () => {
      throw nativeError("malformed", "command buffer malformed");
    };
    const errors = await Promise.all([1, 2].map((n) => rejection(remote.methods.add(n, n))));
    for (const error of errors) {
      expect(error).toMatchObject({ code: "lost", delivered: "unknown" });
    }
    expect(lines).toEqual(["internal error: command buffer malformed"]);
    native.submit = submit;
    expect(await remote.methods.add(1, 2)).toBe(3);
  });

  it("names a method that does not exist", async () => {
    const { registry } = setUp();
    for (const method of ["missing", "toString", "__proto__"]) {
      expect(await rejection(registry.service("calculator").call(method))).toMatchObject({
        code: "no-method",
      });
    }
  });
});

describe("a deadline", () => {
  it("is 5 s by default, in milliseconds at the border", async () => {
    const { remote, native } = setUp();
    // A deadline of a millisecond may pass before the answer.
    await Promise.allSettled([
      remote.methods.add(1, 2),
      remote.call("add", [1, 2], { timeout: 0.0001 }),
      remote.call("add", [1, 2], { timeout: 300 }),
    ]);
    const timeouts = native.seen.filter(([name]) => name === "request").map((seen) => seen[2]);
    expect(timeouts).toEqual([5000, 1, 300_000]);
  });

  it("must be seconds", async () => {
    const { remote } = setUp();
    for (const timeout of [0, -1, Number.NaN, 301, 5000, Number.POSITIVE_INFINITY, "1"]) {
      const error = await rejection(remote.call("add", [1, 2], { timeout: timeout as number }));
      expect(error).toBeInstanceOf(RangeError);
      expect(String(error)).toContain("seconds");
    }
  });

  it("may be longer with maxTimeout", async () => {
    const { remote } = setUp({ maxTimeout: 3600 });
    expect(await remote.call("add", [1, 2], { timeout: 3600 })).toBe(3);
  });

  it("ends the handler's signal too", async () => {
    const { remote } = setUp();
    const error = await rejection(remote.call("hang", [], { timeout: 0.01 }));
    expect(error).toMatchObject({ code: "deadline", delivered: "unknown" });
  });
});

describe("cancelling", () => {
  it("rejects at once, with the reason as cause, and reaches the handler", async () => {
    const { registry, native } = setUp();
    let aborted: unknown;
    new Service("patient", {
      registry,
      methods: {
        hang: ({ signal }) =>
          new Promise((resolve) =>
            signal.addEventListener("abort", () => {
              aborted = signal.reason;
              resolve("too late");
            }),
          ),
      },
    });
    const controller = new AbortController();
    const { signal } = controller;
    const pending = registry.service("patient").call("hang", [], { signal });
    await eventually(() => native.pending > 0);
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort("enough");
    const error = await rejection(pending);
    expect(error).toMatchObject({ code: "cancelled", delivered: "unknown", cause: "enough" });
    await eventually(() => aborted);
    expect(aborted).toMatchObject({ code: "cancelled" });
    expect(native.pending).toBe(0);
  });

  it("beforehand sends nothing", async () => {
    const { remote, native } = setUp();
    native.seen.length = 0;
    const error = await rejection(
      remote.call("add", [1, 2], { signal: AbortSignal.abort("never") }),
    );
    expect(error).toMatchObject({ code: "cancelled", delivered: "no", cause: "never" });
    expect(native.seen).toEqual([]);
  });

  it("tells whether the request was delivered, as far as this process can know", async () => {
    const { registry, native } = setUp();
    const cancel = async (name: string, wait: boolean) => {
      const controller = new AbortController();
      const { signal } = controller;
      const pending = registry.service(name).call("hang", [], { signal, wait });
      await eventually(() => native.pending > 0);
      controller.abort();
      return rejection(pending);
    };
    expect(await cancel("nobody", true)).toMatchObject({ code: "cancelled", delivered: "no" });
    expect(await cancel("calculator", false)).toMatchObject({ delivered: "unknown" });
  });

  it("leaves no listener at a signal that many requests share", async () => {
    const { remote } = setUp();
    const controller = new AbortController();
    let listeners = 0;
    const { signal } = controller;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners += 1;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners -= 1;
      removeEventListener.apply(signal, args);
    };
    await Promise.all([1, 2, 3].map((n) => remote.call("add", [n, n], { signal })));
    expect(listeners).toBe(0);
    controller.abort();
  });

  it("after the outcome changes nothing", async () => {
    const { remote, native } = setUp();
    const controller = new AbortController();
    const { signal } = controller;
    expect(await remote.call("add", [1, 2], { signal })).toBe(3);
    controller.abort();
    expect(names(native)).not.toContain("cancel");
  });
});

describe("wait: true", () => {
  it("calls the provider as soon as there is one", async () => {
    const { registry } = setUp();
    const result = registry.service("late").call("hello", [], { wait: true });
    await new Promise((resolve) => setTimeout(resolve, 20));
    const late = new Service("late", { registry, methods: { hello: () => "here" } });
    expect(await within(result)).toBe("here");
    late.close();
  });

  it("ends at the deadline, not delivered", async () => {
    const { registry, environment } = setUp();
    const result = registry.service("never").call("hello", [], { wait: true, timeout: 0.02 });
    expect(await rejection(result)).toMatchObject({ code: "deadline", delivered: "no" });
    expect(environment.held).toBe(false);
  });

  it("ends with the signal", async () => {
    const { registry, native } = setUp();
    const controller = new AbortController();
    const { signal } = controller;
    const result = registry.service("never").call("hello", [], { wait: true, signal });
    await eventually(() => native.pending > 0);
    controller.abort("stop");
    expect(await rejection(result)).toMatchObject({
      code: "cancelled",
      delivered: "no",
      cause: "stop",
    });
  });
});

describe("a handle", () => {
  it("can be awaited, printed and compared without calling anything", async () => {
    const { remote, native } = setUp();
    native.seen.length = 0;
    expect(await remote).toBe(remote);
    expect(await (remote.methods as unknown)).toBe(remote.methods);
    expect((remote.methods as Record<string, unknown>).then).toBeUndefined();
    expect(`${Object.keys(remote.methods)}`).toBe("");
    expect(native.seen).toEqual([]);
    expect(await remote.call("then")).toBe("not a promise");
  });

  it("has any method, the same each time, and takes none", async () => {
    const { registry } = setUp();
    const methods = registry.service("calculator").methods as Record<string, () => unknown>;
    expect(methods.whatever).toBe(methods.whatever);
    expect(methods.constructor).toBe(methods.constructor);
    for (const name of ["whatever", "other"]) {
      expect(() => {
        methods[name] = () => {};
      }).toThrow(TypeError);
    }
    // Made-up names do not pile up, and still work.
    for (let n = 0; n < 1000; n += 1) expect(methods[`made${n}`]).toBeTypeOf("function");
    expect(Object.getOwnPropertyNames(methods).length).toBeLessThanOrEqual(256);
    expect(await rejection(methods.made999?.() as Promise<unknown>)).toMatchObject({
      code: "no-method",
    });
  });

  it("keeps requests apart whose keys were used before", async () => {
    const { remote, native } = setUp();
    const cancelled = new AbortController();
    const first = rejection(remote.call("hang", [], { signal: cancelled.signal }));
    cancelled.abort();
    // Its outcome is still on the way.
    const second = remote.methods.add(1, 2);
    expect(await first).toMatchObject({ code: "cancelled" });
    expect(await second).toBe(3);
    expect(await Promise.all([1, 2, 3].map((n) => remote.methods.add(n, n)))).toEqual([2, 4, 6]);
    const keys = native.seen.filter(([name]) => name === "request").map(([, key]) => key);
    expect(keys.slice(0, 2)).toEqual([0, 1]);
    expect(new Set(keys).size).toBe(3);
  });

  it("refuses a target that cannot be one", () => {
    const { registry } = setUp();
    expect(() => registry.service("")).toThrow(RangeError);
    expect(() => registry.service("x".repeat(256))).toThrow(RangeError);
    expect(() => registry.service({ identity: "nonsense" })).toThrow(RangeError);
    expect(() => registry.service(5 as never)).toThrow(Error);
  });

  it("of a closed registry rejects", async () => {
    const { registry, remote } = setUp();
    const pending = remote.methods.hang();
    const failed = rejection(pending);
    await registry.close();
    expect(await failed).toBeInstanceOf(Error);
    expect(await rejection(remote.methods.add(1, 2))).toBeInstanceOf(ClosedError);
    expect(() => registry.service("x")).toThrow(ClosedError);
  });
});

describe("a handler's context", () => {
  it("knows method, caller and deadline, and makes signals on demand", async () => {
    const { registry, native } = setUp();
    let seen: unknown;
    let gone: AbortSignal | undefined;
    let signal: AbortSignal | undefined;
    new Service("curious", {
      registry,
      methods: {
        look: (context) => {
          const { method, caller, remaining, deadline } = context;
          seen = { method, process: caller.process, label: caller.label };
          gone = caller.gone;
          signal = context.signal;
          return [remaining, deadline - performance.now() / 1000];
        },
      },
    });
    const left = await registry.service("curious").call("look", [], { timeout: 60 });
    expect(seen).toEqual({ method: "look", process: "cd".repeat(16), label: "host:1" });
    for (const seconds of left as number[]) {
      expect(seconds).toBeLessThanOrEqual(60);
      expect(seconds).toBeGreaterThan(50);
    }
    expect(signal?.aborted).toBe(false);
    expect(gone?.aborted).toBe(false);
    native.deliveries.add([10, native.deliveries.string("cd".repeat(16))]);
    await eventually(() => gone?.aborted);
  });

  it("has no timers, signals or tracking when nobody asks", async () => {
    const { remote, native } = setUp();
    native.seen.length = 0;
    await remote.methods.add(1, 2);
    expect(new Set(names(native))).toEqual(new Set(["submit", "request", "respond"]));
  });
});
