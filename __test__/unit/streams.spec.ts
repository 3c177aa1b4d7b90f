import { describe, expect, it, onTestFinished } from "vitest";
import { ClosedError, RequestError, ServiceFailure } from "../../ts/errors.js";
import type { RegistryOptions } from "../../ts/registry.js";
import { Service } from "../../ts/service.js";
import { eventually, passing, rejection, within } from "../helpers/eventually.js";
import { type FakeRegistry, fakeRegistry } from "../helpers/fake-native.js";

interface Meter {
  methods: {
    history(hours: number): AsyncIterable<number>;
    later(): AsyncIterable<string>;
    fails(after: number): AsyncIterable<number>;
    unencodable(): AsyncIterable<unknown>;
    large(bytes: number): AsyncIterable<Uint8Array>;
    silent(): AsyncIterable<never>;
    feed(): AsyncIterable<number>;
    empty(): AsyncIterable<number>;
    total(): number;
    bytes(): Uint8Array;
    nothing(): void;
    denied(): void;
  };
}

/** What a generator did: how far it came, and how it ended. */
class Trace {
  yielded = 0;
  ended = "";
  reason: unknown;
}

function setUp(options?: RegistryOptions) {
  const fake = fakeRegistry(options);
  onTestFinished(() => fake.registry.close());
  const trace = new Trace();
  let settle: (result: IteratorResult<number>) => void = () => {};
  const service = new Service<Meter>("meter", {
    registry: fake.registry,
    methods: {
      async *history({ signal }, hours) {
        try {
          for (let hour = 1; hour <= hours; hour++) {
            trace.yielded = hour;
            yield hour;
          }
          trace.ended = "done";
        } finally {
          trace.ended ||= "closed";
          if (signal.aborted) trace.reason = signal.reason;
        }
      },
      later: async () =>
        (async function* () {
          yield "a";
          yield "b";
        })(),
      async *fails(_, after) {
        for (let n = 1; n <= after; n++) yield n;
        throw new ServiceFailure("broken", "no sensor", { n: after });
      },
      async *unencodable() {
        try {
          yield 1;
          yield () => {};
        } finally {
          trace.ended = "closed";
        }
      },
      async *large(_, bytes) {
        yield new Uint8Array(bytes);
      },
      async *silent({ signal }) {
        await new Promise((_, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason)),
        );
      },
      // An iterator whose `next` is settled by closing it, as a subscription's is.
      feed: () => ({
        [Symbol.asyncIterator]: () => ({
          next: () => new Promise((resolve) => (settle = resolve)),
          return: async () => {
            trace.ended = "closed";
            settle({ done: true, value: undefined });
            return { done: true, value: undefined };
          },
        }),
      }),
      async *empty() {},
      total: () => 12,
      bytes: () => new Uint8Array(),
      nothing: () => {},
      denied: () => {
        throw new ServiceFailure("denied");
      },
    },
  });
  return { ...fake, service, trace, remote: fake.registry.service<Meter>("meter") };
}

function names(native: FakeRegistry): string[] {
  return native.seen.map(([name]) => name);
}

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const parts: T[] = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

describe("a stream", () => {
  it("gives the parts in order, then ends", async () => {
    const { remote } = setUp();
    expect(await within(all(remote.stream("history", [5])))).toEqual([1, 2, 3, 4, 5]);
    expect(await within(all(remote.streams.history(100)))).toHaveLength(100);
    expect(await within(all(remote.streams.later()))).toEqual(["a", "b"]);
    expect(await within(all(remote.streams.empty()))).toEqual([]);
  });

  it("is asked for by the call, not by the first next", async () => {
    const { remote, native } = setUp();
    native.seen.length = 0;
    const stream = remote.stream("history", [3], { timeout: 1.5, wait: true, credit: 7 });
    await eventually(() => names(native).includes("request"));
    const request = native.seen.find(([name]) => name === "request");
    expect(request?.slice(2)).toMatchObject([1500, 0, 1, "history", "meter", {}, 7, true]);
    expect(await within(all(stream))).toEqual([1, 2, 3]);
  });

  it("rests at its generator while nobody reads, and goes on as parts are taken", async () => {
    const { remote, native, trace } = setUp();
    const stream = remote.stream("history", [50], { credit: 4 });
    await eventually(() => native.parts.values().next().value === 0);
    expect(trace.yielded).toBe(4);
    const [key] = native.parts.keys();
    expect(await within(stream.next())).toEqual({ done: false, value: 1 });
    expect(names(native)).not.toContain("grantParts");
    expect(await within(stream.next())).toEqual({ done: false, value: 2 });
    // Half of the credit is taken: it is given back.
    await eventually(() => trace.yielded === 6);
    expect(native.seen.findLast(([name]) => name === "grantParts")).toEqual(["grantParts", key, 2]);
    expect((await within(all(stream))).at(-1)).toBe(50);
  });

  it("takes one part after the other with a credit of 1", async () => {
    const { remote } = setUp();
    expect(await within(all(remote.stream("history", [20], { credit: 1 })))).toHaveLength(20);
  });

  it("serves several next() at a time in order", async () => {
    const { remote } = setUp();
    const stream = remote.streams.history(2);
    const results = await within(Promise.all([1, 2, 3, 4].map(() => stream.next())));
    expect(results.map(({ value }) => value)).toEqual([1, 2, undefined, undefined]);
    expect(results.map(({ done }) => done)).toEqual([false, false, true, true]);
  });

  it("keeps the process alive until it ends", async () => {
    const { remote, environment } = setUp();
    const stream = remote.streams.silent();
    expect(environment.held).toBe(true);
    stream.close();
    expect(environment.held).toBe(false);
  });

  it("of a plain method has its result as the one part", async () => {
    const { remote } = setUp();
    expect(await within(all(remote.stream("total")))).toEqual([12]);
    expect(await within(all(remote.stream("nothing")))).toEqual([undefined]);
    expect(await within(all(remote.stream("bytes")))).toEqual([new Uint8Array()]);
  });

  it("takes a last part from the response of another implementation", async () => {
    const { registry, native } = setUp();
    const stream = registry.service("elsewhere").stream("m", [], { wait: true });
    await eventually(() => native.pending > 0);
    const [, key] = native.seen.findLast(([name]) => name === "request") ?? [];
    native.part(Number(key), 1, Uint8Array.of(1));
    native.answer(Number(key), 1, Uint8Array.of(2));
    expect(await within(all(stream))).toEqual([1, 2]);
  });

  it("gives nothing back when it has ended: another request may have its key", async () => {
    const { registry, native } = setUp();
    const elsewhere = registry.service("elsewhere");
    const stream = elsewhere.stream("m", [], { wait: true, credit: 2 });
    await eventually(() => native.pending > 0);
    const [, key] = native.seen.findLast(([name]) => name === "request") ?? [];
    native.part(Number(key), 1, Uint8Array.of(1));
    native.answer(Number(key), 0, new Uint8Array());
    // Told in the same wake-up, before the stream has heard of its end.
    let first: Promise<unknown> | undefined;
    registry.subscribe("noise", "*", () => {
      elsewhere.stream("m", [], { wait: true }).close();
      first = stream.next();
    });
    native.report(Number([...native.credits.keys()].at(-1)));
    await eventually(() => first !== undefined);
    expect(await within(first as Promise<unknown>)).toEqual({ done: false, value: 1 });
    expect(native.seen.findLast(([name]) => name === "request")?.[1]).toBe(key);
    expect(names(native)).not.toContain("grantParts");
  });
});

describe("leaving a stream", () => {
  it.each([
    [
      "break",
      async (stream: AsyncIterable<unknown>) => {
        for await (const _ of stream) break;
      },
    ],
    [
      "throw",
      async (stream: AsyncIterable<unknown>) => {
        await rejection(
          (async () => {
            for await (const _ of stream) throw new Error("enough");
          })(),
        );
      },
    ],
    ["close", async (stream: { close(): void }) => stream.close()],
    ["using", async (stream: AsyncDisposable) => stream[Symbol.asyncDispose]()],
  ])("by %s closes the generator and aborts its signal", async (_, leave) => {
    const { remote, native, trace } = setUp();
    const stream = remote.stream("history", [1000]);
    await eventually(() => trace.yielded >= 16);
    await within(Promise.resolve(leave(stream)));
    await eventually(() => trace.ended === "closed");
    expect(trace.reason).toMatchObject({ code: "cancelled" });
    expect(names(native).filter((name) => name === "cancel")).toHaveLength(1);
    expect(native.pending).toBe(0);
    expect(await within(stream.next())).toEqual({ done: true, value: undefined });
  });

  it("by its signal rejects at once, without the parts that wait", async () => {
    const { remote, trace } = setUp();
    const controller = new AbortController();
    const { signal } = controller;
    const stream = remote.stream("history", [1000], { signal });
    expect(await within(stream.next())).toEqual({ done: false, value: 1 });
    await eventually(() => trace.yielded >= 16);
    controller.abort("enough");
    // Parts had arrived: it was delivered.
    expect(await rejection(stream.next())).toMatchObject({
      code: "cancelled",
      delivered: "yes",
      cause: "enough",
    });
    expect(await within(stream.next())).toEqual({ done: true, value: undefined });
    await eventually(() => trace.ended === "closed");
  });

  it("by its signal also while a part is awaited, or before anything", async () => {
    const { remote, native } = setUp();
    const controller = new AbortController();
    const waiting = remote.stream("silent", [], { signal: controller.signal }).next();
    await eventually(() => native.pending > 0);
    controller.abort("stop");
    expect(await rejection(waiting)).toMatchObject({ code: "cancelled", delivered: "unknown" });
    native.seen.length = 0;
    const stream = remote.stream("history", [1], { signal: AbortSignal.abort("never") });
    expect(await rejection(stream.next())).toMatchObject({
      code: "cancelled",
      delivered: "no",
      cause: "never",
    });
    expect(names(native)).toEqual([]);
  });

  it("closes an iterator that waits, so that it can settle", async () => {
    const { remote, native, trace } = setUp();
    const stream = remote.streams.feed();
    await eventually(() => native.pending > 0);
    await new Promise((resolve) => setImmediate(resolve));
    stream.close();
    await eventually(() => trace.ended === "closed");
  });

  it("after its end cancels nothing", async () => {
    const { remote, native } = setUp();
    const controller = new AbortController();
    const stream = remote.stream("history", [2], { signal: controller.signal });
    await within(all(stream));
    controller.abort();
    stream.close();
    expect(names(native)).not.toContain("cancel");
  });
});

describe("a stream that fails", () => {
  it("throws the handler's failure after the parts before it, once", async () => {
    const { remote } = setUp();
    const stream = remote.streams.fails(3);
    const parts: number[] = [];
    const error = await rejection(
      (async () => {
        for await (const part of stream) parts.push(part);
      })(),
    );
    expect(parts).toEqual([1, 2, 3]);
    expect(error).toBeInstanceOf(ServiceFailure);
    expect(error).toMatchObject({ code: "broken", message: "no sensor", data: { n: 3 } });
    expect(await within(stream.next())).toEqual({ done: true, value: undefined });
  });

  it("throws what a plain method failed with", async () => {
    const { remote } = setUp();
    expect(await rejection(all(remote.stream("denied")))).toMatchObject({ code: "denied" });
  });

  it("ends with every outcome of a request", async () => {
    const { registry, remote, native } = setUp();
    expect(await rejection(all(registry.service("nobody").stream("m")))).toMatchObject({
      ...{ name: "RequestError", code: "no-service", delivered: "no" },
    });
    expect(await rejection(all(registry.service("meter").stream("missing")))).toMatchObject({
      code: "no-method",
    });
    expect(await rejection(all(remote.stream("silent", [], { timeout: 0.01 })))).toMatchObject({
      code: "deadline",
    });
    const stream = remote.streams.silent();
    await eventually(() => native.pending > 0);
    const [, key] = native.seen.findLast(([name]) => name === "request") ?? [];
    native.part(Number(key), 1, Uint8Array.of(1));
    native.fail(Number(key), 6, 2, "the link was lost");
    expect(await within(stream.next())).toEqual({ done: false, value: 1 });
    // Whoever sent a part has seen the request.
    expect(await rejection(stream.next())).toMatchObject({ code: "link-lost", delivered: "yes" });
  });

  it("names a part that cannot travel, and closes the generator", async () => {
    const { remote, trace } = setUp();
    const stream = remote.streams.unencodable();
    expect(await within(stream.next())).toEqual({ done: false, value: 1 });
    const error = await rejection(stream.next());
    expect(error).toBeInstanceOf(RequestError);
    expect(error).toMatchObject({ code: "encoding", delivered: "yes" });
    expect(String(error)).toContain("a part");
    await eventually(() => trace.ended === "closed");
    expect(await rejection(all(remote.streams.large((1 << 20) + 1)))).toMatchObject({
      code: "too-large",
      message: "meter.large: a part exceeds limits.payload of the provider, which is 1048576 bytes",
    });
  });

  it("refuses a malformed part and gives the rest up", async () => {
    const { remote, native } = setUp();
    const stream = remote.streams.silent();
    await eventually(() => native.pending > 0);
    const [, key] = native.seen.findLast(([name]) => name === "request") ?? [];
    native.part(Number(key), 1, Uint8Array.of(0xff));
    expect(await rejection(stream.next())).toMatchObject({ code: "encoding", delivered: "yes" });
    expect(names(native)).toContain("cancel");
    expect(await within(stream.next())).toEqual({ done: true, value: undefined });
  });

  it("is no unhandled rejection when nobody reads it", async () => {
    const { registry } = setUp();
    registry.service("nobody").stream("m");
    await passing(0.02); // an unhandled rejection would fail the run
  });

  it("ends with its registry", async () => {
    const { registry, remote } = setUp();
    const waiting = rejection(remote.streams.silent().next());
    await registry.close();
    expect(await waiting).toBeInstanceOf(RequestError);
    expect(() => remote.streams.history(1)).toThrow(ClosedError);
  });
});

describe("arguments of a stream", () => {
  it("are checked at once, or when they travel", async () => {
    const { remote, native } = setUp();
    native.seen.length = 0;
    expect(() => remote.stream("history", [1], { timeout: 0 })).toThrow(RangeError);
    for (const credit of [0, -1, 1.5, 65_536, Number.NaN]) {
      expect(() => remote.stream("history", [1], { credit })).toThrow(RangeError);
    }
    expect(() => remote.stream("history", 1 as never)).toThrow(TypeError);
    const stream = remote.stream("history", [(() => {}) as never]);
    expect(await rejection(stream.next())).toMatchObject({ code: "encoding", delivered: "no" });
    expect(names(native)).toEqual([]);
  });
});

describe("a plain call of a streaming method", () => {
  it("fails, says what to do, and runs nothing of it", async () => {
    const { registry, trace } = setUp();
    const untyped = registry.service("meter");
    const error = await rejection(untyped.call("history", [5]));
    expect(error).toMatchObject({ name: "RequestError", code: "encoding", delivered: "yes" });
    expect(String(error)).toContain("stream()");
    expect(trace.yielded).toBe(0);
    expect(await rejection(untyped.call("feed"))).toMatchObject({ code: "encoding" });
    expect(trace.ended).toBe("closed");
  });
});
