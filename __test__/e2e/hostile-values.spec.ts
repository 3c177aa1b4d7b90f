// What an application hands over may run code of its own, and throw, whenever it is touched.
// Promise 15: each request has one outcome, at once, and its place is free again.

import { type Context, Service, ServiceFailure } from "netsvc";
import { describe, expect, it } from "vitest";
import { EncodingError } from "../../ts/errors.js";
import { eventually, rejection, within } from "../helpers/eventually.js";
import { useNetwork } from "../helpers/network.js";

const network = useNetwork();

function fails(): never {
  throw new Error("on purpose");
}

function revoked(target: object = {}): never {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy as never;
}

function getter(name: string | symbol, target: object = {}): object {
  return Object.defineProperty(target, name, { get: fails, enumerable: true });
}

/** A proxy of which every trap throws. */
function trapped(target: object = {}): object {
  return new Proxy(target, new Proxy({}, { get: () => fails }));
}

class Bytes extends Uint8Array {
  override get length(): number {
    return fails();
  }
}

/** A stream whose iterator is that, as far as it goes. */
function stream(iterator: object): () => object {
  return () => ({ [Symbol.asyncIterator]: () => iterator });
}

/** Handlers whose value cannot be read, however they hand it over. */
const unreadable: Record<string, (context: Context) => unknown> = {
  "a revoked proxy": () => revoked(),
  "a revoked proxy of an array": () => revoked([]),
  "a revoked proxy of a function": () => revoked(() => {}),
  "a revoked proxy of bytes": () => revoked(new Uint8Array(3)),
  "a revoked proxy within an object": () => ({ a: [revoked()] }),
  "a promise of a revoked proxy in an array": async () => [revoked()],
  "a proxy of throwing traps": () => trapped(),
  "bytes of a throwing length": () => new Bytes(3),
  "a getter that throws": () => getter("value"),
  "a getter of then that throws": () => getter("then"),
  "a getter of Symbol.asyncIterator that throws": () => getter(Symbol.asyncIterator),
  "a getter that throws a revoked proxy": () => ({
    get value() {
      throw revoked();
    },
  }),
  "a getter of constructor that throws": () => getter("constructor", new (class Own {})()),
  "a Map whose iterator throws": () =>
    Object.assign(new Map(), { [Symbol.iterator]: () => fails() }),
  "a Date that says nonsense": () => Object.assign(new Date(Number.NaN), { getTime: () => 1 }),
  "a throw of a revoked proxy": () => {
    throw revoked();
  },
  "a throw of a proxy of throwing traps": () => {
    throw trapped();
  },
  "an error whose message throws": () => {
    throw getter("message", new Error("x"));
  },
  "a rejection with a revoked proxy": () => Promise.reject(revoked()),
  "a failure whose data are a revoked proxy": () => {
    throw new ServiceFailure("bad", "worse", revoked());
  },
  "a failure whose code throws": () => {
    throw getter("code", Object.create(ServiceFailure.prototype));
  },
  "a failure whose code is a bigint": () => {
    throw new ServiceFailure(1n as never, "\ud800");
  },
  "no iterator": stream(undefined as never),
  "an iterator without next": stream({}),
  "an iterator whose next throws when read": stream(getter("next")),
};

/** The same, if only the caller reads the result as a stream. */
const unreadableParts: Record<string, (context: Context) => unknown> = {
  "a part that is a revoked proxy": async function* () {
    yield [revoked()];
  },
  "a part that cannot travel, and a generator that never ends": async function* () {
    try {
      yield () => {};
    } finally {
      await new Promise(() => {});
    }
  },
  "a part that cannot travel, and a generator that throws at its end": async function* () {
    try {
      yield Symbol("part");
    } finally {
      // biome-ignore lint/correctness/noUnsafeFinally: applications do it
      throw new Error("at its end");
    }
  },
  "a step that is nothing": stream({ next: async () => undefined }),
  "a step that is a number": stream({ next: () => 5 }),
  "a step whose done throws": stream({ next: async () => getter("done") }),
  "a step whose value throws": stream({ next: async () => getter("value", { done: false }) }),
  "a step in a revoked proxy, and return throws": stream({
    next: async () => ({ value: revoked(), done: false }),
    return: fails,
  }),
  "a step in a revoked proxy, and return cannot be read": stream(
    getter("return", { next: async () => ({ value: [revoked()], done: false }) }),
  ),
};

/** What looks odd, and has an outcome of its own. */
const settled: Array<[string, () => unknown, unknown]> = [
  ["a promise with a then of its own", () => withThen(Promise.resolve(1), fails), 1],
  ["a thenable that resolves twice", () => thenable((resolve) => [resolve(1), resolve(2)]), 1],
  ["a thenable that throws afterwards", () => thenable((resolve) => [resolve(1), fails()]), 1],
  [
    "a function that is a thenable",
    () =>
      withThen(
        () => {},
        (done) => done(1),
      ),
    1,
  ],
  ["a promise of a thenable", async () => thenable((resolve) => [resolve(1)]), 1],
];

type Then = (resolve: (value: unknown) => void) => unknown;

function withThen<T extends object>(target: T, then: Then): T {
  return Object.assign(target, { then });
}

function thenable(then: Then): object {
  return withThen({}, then);
}

function setUp(methods: Record<string, (context: Context) => unknown>) {
  // One place: a call that keeps it is the last.
  const { registry } = network.alone({ limits: { runningRequests: 1 } });
  new Service("hostile", { registry, methods: { ...methods, works: () => "works" } });
  return registry.service("hostile");
}

describe("a handler", () => {
  it.each(Object.keys(unreadable))("that gives %s ends its call with encoding", async (method) => {
    const remote = setUp(unreadable);
    for (const ended of [
      () => rejection(remote.call(method)),
      () => rejection(remote.stream(method).next()),
    ]) {
      expect(await ended()).toMatchObject({
        ...{ name: "RequestError", code: "encoding", delivered: "yes" },
      });
      expect(await within(remote.call("works"))).toBe("works");
    }
  });

  it.each(Object.keys(unreadableParts))("that streams %s ends with encoding", async (method) => {
    const remote = setUp(unreadableParts);
    expect(await rejection(remote.stream(method).next())).toMatchObject({
      ...{ name: "RequestError", code: "encoding", delivered: "yes" },
    });
    expect(await within(remote.call("works"))).toBe("works");
  });

  it.each(settled)("that gives %s settles once", async (method, handler, value) => {
    const remote = setUp({ [method]: handler });
    expect(await within(remote.call(method))).toEqual(value);
    expect(await within(remote.call("works"))).toBe("works");
  });

  it("that throws what is no text at all is told of as an error", async () => {
    const remote = setUp({
      bare: () => {
        throw Object.create(null);
      },
      symbol: () => {
        throw Symbol("s");
      },
      half: () => {
        throw new Error("half \ud83d");
      },
    });
    expect(await rejection(remote.call("bare"))).toMatchObject({ message: "[object Object]" });
    expect(await rejection(remote.call("symbol"))).toMatchObject({ message: "Symbol(s)" });
    expect(await rejection(remote.call("half"))).toMatchObject({ message: "half \ufffd" });
  });
});

describe("a callback", () => {
  const returned: Array<[string, () => unknown]> = [
    ["a revoked proxy", () => revoked()],
    ["a getter of then that throws", () => getter("then")],
    ["a promise whose catch throws", () => Object.assign(Promise.reject(1), { catch: fails })],
    // biome-ignore lint/suspicious/noThenProperty: libraries do it
    ["a rejecting thenable", () => ({ then: (_: unknown, no: (e: unknown) => void) => no(1) })],
    [
      "a throw of a revoked proxy",
      () => {
        throw revoked();
      },
    ],
  ];
  it.each(returned)("that gives %s is told of, and disturbs nobody", async (_, callback) => {
    const { registry } = network.alone();
    const errors: unknown[] = [];
    const subjects: string[] = [];
    registry.on("callbackError", (error) => errors.push([error]));
    registry.subscribe("gauge", "*", callback);
    registry.subscribe("gauge", "*", ({ subject }) => subjects.push(subject));
    const gauge = new Service("gauge", { registry });
    gauge.publish("a", 1);
    gauge.publish("b", 1);
    await eventually(() => errors.length === 2 && subjects.length === 2);
  });

  it("for errors of callbacks may fail as well", async () => {
    const { registry } = network.alone();
    const warnings: string[] = [];
    const warned = ({ message }: Error) => warnings.push(message);
    process.on("warning", warned);
    registry.on("callbackError", () => {
      throw revoked();
    });
    registry.on("callbackError", async () => {
      throw trapped();
    });
    registry.watch(undefined, fails);
    await eventually(() => warnings.length === 2);
    process.off("warning", warned);
    expect(warnings[0]).toBe("a callback threw something that cannot be read");
  });

  it("for the log may fail in any way", async () => {
    const { Registry } = await import("netsvc");
    const registry = new Registry({
      log: (async () => {
        throw revoked();
      }) as never,
    });
    new Service("logged", { registry, methods: { fails } });
    expect(await rejection(registry.service("logged").call("fails"))).toMatchObject({
      code: "error",
    });
    await registry.close();
  });

  it("that decides who is linked refuses with whatever it throws", async () => {
    const errors: unknown[] = [];
    const hub = await network.hub({ authorise: () => revoked() });
    hub.registry.on("callbackError", (error) => errors.push([error]));
    const client = network.connecting(hub.port);
    await eventually(() => client.events("attemptFailed").length > 0);
    expect(client.events("attemptFailed")[0]?.reason?.code).toBe("denied");
    expect(errors).not.toEqual([]);
  });
});

it("an argument that throws anything is refused as one that cannot travel", async () => {
  const remote = setUp({});
  for (const argument of [revoked(), trapped(), getter("a"), new Bytes(1)]) {
    expect(await rejection(remote.call("works", [argument]))).toMatchObject({
      ...{ name: "RequestError", code: "encoding", delivered: "no" },
    });
  }
  const { registry } = network.alone();
  const service = new Service("s", { registry });
  const thrower = {
    get a() {
      throw revoked();
    },
  };
  expect(() => service.publish("a", thrower)).toThrow(EncodingError);
});
