// OSE's acceptance list, X1 to X4 and X6: handlers that ask others, sessions, content, failures,
// order in bulk.

import { Service, ServiceFailure } from "netsvc";
import { describe, expect, it } from "vitest";
import { useCutters } from "../helpers/cutter.js";
import { eventually, rejection } from "../helpers/eventually.js";
import { useNetwork } from "../helpers/network.js";

const network = useNetwork();
const cutters = useCutters();

async function three() {
  const hub = await network.hub();
  const [C1, C2, C3] = await Promise.all([
    network.client(hub, { label: "C1" }),
    network.client(hub, { label: "C2" }),
    network.client(hub, { label: "C3" }),
  ]);
  return { hub, C1, C2, C3 };
}

describe("requests", () => {
  it("X1 a handler asks another service; others are served meanwhile (15)", async () => {
    const { C1, C2, C3 } = await three();
    let release = (_: unknown) => {};
    const released = new Promise((resolve) => {
      release = resolve;
    });
    let asked = 0;
    new Service("inner", {
      registry: C1.registry,
      methods: {
        half: async (_, n) => {
          asked += 1;
          await released;
          return Number(n) / 2;
        },
      },
    });
    new Service("outer", {
      registry: C2.registry,
      methods: {
        compose: async (_, n) => ({
          half: await C2.registry.service("inner").call("half", [n]),
          n,
        }),
        echo: (_, n) => n,
      },
    });
    await Promise.all([C2.sees("inner"), C3.sees("outer")]);
    const outer = C3.registry.service("outer");
    const composed = outer.call("compose", [42], { timeout: 20 });
    await eventually(() => asked === 1);
    for (let n = 0; n < 10; n++) expect(await outer.call("echo", [n])).toBe(n);
    release(undefined);
    expect(await composed).toEqual({ half: 21, n: 42 });
  });

  it("X2 a session hears that its client's link dropped, and ends (16)", async () => {
    const hub = await network.hub();
    const cutter = await cutters.cutter(hub.port);
    const C1 = await network.client(hub);
    const C2 = await network.client(cutter);
    new Service("lobby", {
      registry: C1.registry,
      methods: {
        open: ({ caller }) => {
          const session = new Service(`session ${caller.process}`, {
            registry: C1.registry,
            methods: { echo: (_, n) => n },
          });
          caller.gone.addEventListener("abort", () => session.close());
          return session.name;
        },
      },
    });
    await C2.sees("lobby");
    const name = String(await C2.registry.service("lobby").call("open"));
    expect(name).toBe(`session ${C2.id}`);
    await C2.sees(name);
    expect(await C2.registry.service(name).call("echo", [1])).toBe(1);
    expect(C1.registry.lookup(name).length).toBe(1);
    cutter.cut();
    await eventually(() => C1.registry.lookup(name).length === 0);
    expect(C1.registry.lookup("lobby").length).toBe(1);
  });

  it("X3 values arrive unchanged, through the hub and nested", async () => {
    const { C1, C2 } = await three();
    const service = new Service("A", { registry: C1.registry, methods: { echo: (_, v) => v } });
    const { reports } = C2.subscribe("A");
    await eventually(() => service.subscribers.length === 1);
    // The publisher may hear of the subscriber before that hears of the service.
    await C2.sees("A");
    const time = new Date(Date.UTC(2003, 0, 19, 12, 34, 56, 789));
    const values = {
      none: null,
      bools: [true, false],
      binary: new Uint8Array([0, 1, 127, 128, 255]),
      date: time,
      duration: 93_784.25,
      int64: [9_223_372_036_854_775_807n, -9_223_372_036_854_775_808n],
      integers: [0, -1, 2 ** 31, -(2 ** 53) + 1],
      floats: [0.1, -1e300, 5e-324, Number.POSITIVE_INFINITY],
      text: "Grüße, 世界 🌍",
      map: new Map<unknown, unknown>([[1, { deep: [[], {}, [null]] }]]),
      empty: [[], {}, "", new Uint8Array(0)],
    };
    const remote = C2.registry.service("A");
    for (const value of [...Object.values(values), values]) {
      expect(await remote.call("echo", [value])).toEqual(value);
      service.publish("v", value);
      await eventually(() => reports.length > 0);
      expect(reports.pop()?.content).toEqual(value);
    }
  });

  it("X4 (deviation: no arity check) each way to fail has its code (15)", async () => {
    const { C1, C2 } = await three();
    const many = 2;
    new Service("A", {
      registry: C1.registry,
      methods: {
        count: (_, ...args) => args.length,
        optional: (_, a, b) => [a === undefined, b === undefined],
        raise: () => {
          throw new TypeError("not meant");
        },
        unencodable: () => () => many,
        own: () => {
          throw new ServiceFailure("too-hot", "burnt", { degrees: 451 });
        },
      },
    });
    await C2.sees("A");
    const remote = C2.registry.service("A");
    expect(await remote.call("count", [1, 2, 3])).toBe(3);
    expect(await remote.call("optional", [1])).toEqual([false, true]);
    const fails = (method: string) => rejection(remote.call(method));
    expect(await fails("unknown")).toMatchObject({
      ...{ name: "RequestError", code: "no-method", delivered: "no" },
    });
    const raised = await fails("raise");
    expect(raised).toMatchObject({ name: "ServiceFailure", code: "error", message: "not meant" });
    expect(await fails("unencodable")).toMatchObject({
      ...{ name: "RequestError", code: "encoding", delivered: "yes" },
    });
    expect(await fails("own")).toMatchObject({
      ...{ name: "ServiceFailure", code: "too-hot", message: "burnt", data: { degrees: 451 } },
    });
  });
});

describe("reports", () => {
  it("X6 ten thousand numbered reports arrive complete and in order (12, 18)", async () => {
    const { C1, C2 } = await three();
    const service = new Service("A", { registry: C1.registry });
    const contents: number[] = [];
    C2.registry.subscribe("A", "*", ({ content }) => contents.push(Number(content)));
    await eventually(() => service.subscribers.length === 1);
    for (let n = 1; n <= 10_000; n++) {
      if (!service.publish("n", n)) await C1.client.flush();
    }
    await eventually(() => contents.length >= 10_000);
    expect(contents).toEqual(Array.from({ length: 10_000 }, (_, index) => index + 1));
  });
});
