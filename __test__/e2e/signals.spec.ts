// Signals that the application gives and gets: what listens to them ends with what it is for, and
// many may share one. Promise 16: aborting ends a call at once.

import { getEventListeners } from "node:events";
import { EXCHANGE_CLIENT, Exchange, Service } from "netsvc";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually, rejection, within } from "../helpers/eventually.js";
import { useNetwork } from "../helpers/network.js";

const network = useNetwork();
const warnings: Error[] = [];
const warned = (warning: Error) => warnings.push(warning);

beforeEach(() => {
  warnings.length = 0;
  process.on("warning", warned);
});
afterEach(async () => {
  await new Promise((resolve) => setImmediate(resolve));
  process.off("warning", warned);
  expect(warnings).toEqual([]);
});

const listeners = (signal: AbortSignal) => getEventListeners(signal, "abort").length;

function setUp() {
  const { registry } = network.alone();
  const gone: AbortSignal[] = [];
  new Service("s", {
    registry,
    methods: {
      echo: (_, value: unknown) => value,
      waits: ({ signal, caller }) => {
        for (let n = 0; n < 20; n++) {
          caller.gone.addEventListener("abort", () => {});
          signal.addEventListener("abort", () => {});
        }
        gone.push(caller.gone);
        return new Promise(() => {});
      },
      async *counts() {
        for (let n = 0; ; n++) yield n;
      },
    },
  });
  return { registry, remote: registry.service("s"), gone };
}

describe("a signal that is given", () => {
  it("to many calls and more has one listener, and aborts them all", async () => {
    const { registry, remote } = setUp();
    const controller = new AbortController();
    const { signal } = controller;
    const calls = Array.from({ length: 30 }, () => rejection(remote.call("waits", [], { signal })));
    const streams = Array.from({ length: 30 }, () => remote.stream("counts", [], { signal }));
    const ends = [
      ...Array.from({ length: 30 }, () => registry.subscribe("s", "*", { signal }).next()),
      ...Array.from({ length: 30 }, () => registry.watch("none", { signal }).next()),
    ];
    const waits = Array.from({ length: 30 }, () => rejection(registry.waitFor("none", { signal })));
    for (const stream of streams) await within(stream.next());
    expect(listeners(signal)).toBe(1);
    // Those of watches tell first that there is nothing yet.
    const before = await within(Promise.all(ends.slice(30)));
    expect(before.every(({ done }) => done === false)).toBe(true);
    controller.abort("enough");
    for (const error of await within(Promise.all([...calls, ...waits]))) {
      expect(error).toMatchObject({ code: "cancelled", cause: "enough" });
    }
    for (const stream of streams) {
      expect(await rejection(stream.next())).toMatchObject({ code: "cancelled" });
    }
    for (const end of await within(Promise.all(ends.slice(0, 30)))) expect(end.done).toBe(true);
    expect(listeners(signal)).toBe(0);
  });

  it("has no listener once what it is for has ended", async () => {
    const hub = await network.hub();
    const { registry, remote } = setUp();
    const { signal } = new AbortController();
    const exchange = new Exchange(EXCHANGE_CLIENT, { registry });
    for (let n = 0; n < 12; n++) {
      const link = exchange.connect({ host: "127.0.0.1", port: hub.port, signal });
      await within(link.ready);
      await within(exchange.flush({ signal }));
      expect(await within(remote.call("echo", [n], { signal }))).toBe(n);
      for await (const _ of remote.stream("counts", [], { signal })) break;
      for await (const _ of registry.watch("s", { signal })) break;
      registry.subscribe("s", "*", () => {}, { signal }).close();
      await within(registry.waitFor("s", { signal }));
      expect(listeners(signal)).toBe(1);
      await within(link.close({ drain: 0 }));
      expect(listeners(signal)).toBe(0);
    }
    registry.subscribe("s", "*", () => {}, { signal });
    registry.watch("s", () => {}, { signal });
    exchange.connect({ host: "127.0.0.1", port: hub.port, signal });
    expect(listeners(signal)).toBe(1);
    await within(registry.close({ drain: 0 }));
    expect(listeners(signal)).toBe(0);
  });

  it("may be of another library, and do anything", async () => {
    const { registry, remote, gone } = setUp();
    class Signal extends EventTarget {
      aborted = false;
      reason: unknown;
    }
    const other = new Signal();
    const call = rejection(remote.call("waits", [], { signal: other as never }));
    await eventually(() => gone.length === 1);
    Object.assign(other, { aborted: true, reason: "other" });
    other.dispatchEvent(new Event("abort"));
    expect(await call).toMatchObject({ code: "cancelled", cause: "other" });

    const fails = () => {
      throw new Error("on purpose");
    };
    const base = { aborted: false, addEventListener: () => {}, removeEventListener: () => {} };
    const deaf = { ...base, addEventListener: fails } as never;
    expect(await rejection(remote.call("waits", [], { signal: deaf }))).toMatchObject({
      message: "on purpose",
    });
    expect(() => registry.subscribe("s", "*", { signal: deaf })).toThrow("on purpose");
    const clinging = { ...base, removeEventListener: fails } as never;
    expect(await within(remote.call("echo", [1], { signal: clinging }))).toBe(1);
    // Nothing was sent with a signal that cannot be listened to.
    expect(gone).toHaveLength(1);
  });

  it("must be one", async () => {
    const { registry, remote } = setUp();
    const exchange = new Exchange(EXCHANGE_CLIENT, { registry });
    for (const signal of [{}, "abort", 1, () => {}, new AbortController()] as never[]) {
      expect(await rejection(remote.call("echo", [], { signal }))).toBeInstanceOf(TypeError);
      expect(await rejection(registry.waitFor("s", { signal }))).toBeInstanceOf(TypeError);
      expect(await rejection(exchange.flush({ signal }))).toBeInstanceOf(TypeError);
      expect(() => remote.stream("counts", [], { signal })).toThrow(TypeError);
      expect(() => registry.subscribe("s", "*", { signal })).toThrow(TypeError);
      expect(() => registry.watch("s", { signal })).toThrow(TypeError);
      expect(() => exchange.connect({ port: 1, signal })).toThrow(TypeError);
    }
    expect(exchange.links).toEqual([]);
  });
});

it("signals that handlers get take any number of listeners", async () => {
  const { remote, gone } = setUp();
  void remote.call("waits", [], { timeout: 0.05 }).catch(() => {});
  await eventually(() => gone.length === 1);
});
