// OSE's acceptance list, D27 to D34: loss and pending work; kept reports and patterns.

import { type RequestError, Service } from "netsvc";
import { describe, expect, it } from "vitest";
import { useCutters } from "../helpers/cutter.js";
import { eventually, passing, rejection } from "../helpers/eventually.js";
import { useNetwork } from "../helpers/network.js";
import { useProcesses } from "../helpers/processes.js";

const network = useNetwork();
const processes = useProcesses();
const cutters = useCutters();

describe("pending requests", () => {
  // OSE: one failure, 57 with origin "netsvc". Here a word says which of the three it was.
  it.each([
    ["C1 dies", "lost"],
    ["H dies", "link-lost"],
    ["A is destroyed", "lost"],
  ])(
    "D27 (deviation: the code) when %s, the caller gets exactly one failure (15, 16)",
    async (what, code) => {
      const hub = await processes.start("hub");
      const C1 = await processes.start("client", { port: hub.port, label: "C1" });
      await C1.ask("provide", { name: "A" });
      const C2 = await network.client(hub.port);
      await C2.sees("A");
      const settled: string[] = [];
      C2.registry
        .service("A")
        .call("hang", [1], { timeout: 60 })
        .then(
          () => settled.push("answered"),
          ({ code, delivered }: RequestError) => settled.push(`${code}, delivered ${delivered}`),
        );
      await C1.event("hanging");
      if (what === "C1 dies") C1.kill();
      if (what === "H dies") hub.kill();
      if (what === "A is destroyed") await C1.ask("withdraw", { name: "A" });
      await eventually(() => settled.length > 0);
      // The handler returns when its signal aborts: its answer finds nobody who waits.
      if (what === "A is destroyed") {
        await C1.event("aborted");
        await C1.ask("flush", {});
        await C2.flush();
      }
      expect(settled).toEqual([`${code}, delivered unknown`]);
    },
  );

  it("D28 a deadline is kept, and what is answered later is ignored (15)", async () => {
    const hub = await network.hub();
    const [C1, C2] = await Promise.all([network.client(hub), network.client(hub)]);
    const asked: number[] = [];
    const ended: number[] = [];
    new Service("A", {
      registry: C1.registry,
      methods: {
        late: async (_, n) => {
          asked.push(Number(n));
          await passing(0.8);
          ended.push(Number(n));
          return n;
        },
        echo: (_, n) => n,
      },
    });
    await C2.sees("A");
    const remote = C2.registry.service("A");
    const began = performance.now();
    const error = await rejection(remote.call("late", [1], { timeout: 0.4 }));
    const seconds = (performance.now() - began) / 1000;
    expect(error).toMatchObject({ name: "RequestError", code: "deadline", delivered: "unknown" });
    expect(seconds).toBeGreaterThan(0.39);
    expect(asked).toEqual([1]);
    await eventually(() => ended.length === 1);
    // Later requests get their own answers, not that one.
    const answers = await Promise.all([2, 3, 4].map((n) => remote.call("echo", [n])));
    expect(answers).toEqual([2, 3, 4]);
  });

  it("D29 (deviation: it rejects) a call of what nobody has ends at once (14)", async () => {
    const hub = await network.hub();
    const client = await network.client(hub);
    expect(client.registry.lookup("nobody")).toEqual([]);
    const remote = client.registry.service("nobody");
    const began = performance.now();
    let call: Promise<unknown> | undefined;
    expect(() => {
      call = remote.call("m", [], { timeout: 60 });
    }).not.toThrow();
    const error = await rejection(call ?? Promise.resolve());
    expect(error).toMatchObject({ name: "RequestError", code: "no-service", delivered: "no" });
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it("D30 a target that vanished between look-up and call fails the call (15)", async () => {
    const hub = await network.hub();
    const [C1, C2] = await Promise.all([network.client(hub), network.client(hub)]);
    const service = new Service("A", { registry: C1.registry, methods: { echo: (_, n) => n } });
    await C2.sees("A");
    const [found] = C2.registry.lookup("A");
    if (found === undefined) throw new Error("it was seen");
    const remote = C2.registry.service({ identity: found.identity });
    // C2 has not heard of it when it calls, and later has.
    service.close();
    const crossing = await rejection(remote.call("echo", [1], { timeout: 60 }));
    expect(crossing).toMatchObject({ name: "RequestError" });
    expect(["no-service", "lost"]).toContain((crossing as RequestError).code);
    await eventually(() => C2.registry.lookup("A").length === 0);
    const after = await rejection(remote.call("echo", [1], { timeout: 60 }));
    expect(after).toMatchObject({ code: "no-service", delivered: "no" });
  });
});

describe("subscribers that are lost", () => {
  it("D31 the publisher hears so, pattern by pattern (22)", async () => {
    const hub = await network.hub();
    const cutter = await cutters.cutter(hub.port);
    const C1 = await network.client(hub);
    const service = new Service("A", { registry: C1.registry });
    const told: string[] = [];
    service.on("subscribed", ({ pattern }) => told.push(`+ ${pattern}`));
    service.on("unsubscribed", ({ pattern }) => told.push(`- ${pattern}`));
    const C2 = await network.client(cutter, { label: "C2" });
    for (const pattern of ["a.*", "b", "?"]) C2.subscribe("A", pattern);
    await eventually(() => told.length === 3);
    expect(service.subscribers).toMatchObject([
      ...["a.*", "b", "?"].map((pattern) => ({ process: C2.id, label: "C2", pattern })),
    ]);
    cutter.cut();
    await eventually(() => told.length === 6);
    expect(told.slice(0, 3).sort()).toEqual(["+ ?", "+ a.*", "+ b"]);
    expect(told.slice(3).sort()).toEqual(["- ?", "- a.*", "- b"]);
    expect(service.subscribers).toEqual([]);
  });

  it("D32 who comes back is subscribed again: kept values, nothing twice (13, 19)", async () => {
    const hub = await network.hub();
    const cutter = await cutters.cutter(hub.port);
    const C1 = await network.client(hub);
    const C2 = await network.client(cutter);
    const service = new Service("A", { registry: C1.registry });
    const { reports } = C2.subscribe("A");
    const forever = { lifetime: Number.POSITIVE_INFINITY };
    await eventually(() => service.subscribers.length === 1);
    service.publish("kept.old", "1", forever);
    service.publish("live", "2");
    await eventually(() => reports.length === 2);
    cutter.cut();
    await eventually(() => service.subscribers.length === 0);
    await eventually(() => C2.events("inactive").length === 1);
    service.publish("live", "3");
    service.publish("kept.new", "4", forever);
    service.publish("live", "5");
    cutter.mend();
    await eventually(() => service.subscribers.length === 1);
    service.publish("live", "6");
    await eventually(() => reports.at(-1)?.content === "6");
    expect(reports.map(({ content }) => content)).toEqual(["1", "2", "4", "6"]);
    expect(reports.map(({ resumed }) => resumed)).toEqual([false, false, true, false]);
    expect(reports[2]?.replayed).toBe(true);
    // Two of the four published meanwhile and after were not for it.
    expect(reports.slice(2).reduce((sum, { missed }) => sum + missed, 0)).toBeGreaterThanOrEqual(2);
  });
});

describe("kept reports and patterns", () => {
  it("D33 (deviation: -1 is Infinity) lifetimes decide what a late subscriber gets (19)", async () => {
    const hub = await network.hub();
    const [C1, C2] = await Promise.all([network.client(hub), network.client(hub)]);
    const service = new Service("A", { registry: C1.registry });
    const before = C2.subscribe("A", "for ever");
    const mark = async () => {
      const { reports } = C2.subscribe("A");
      await eventually(() => service.subscribers.some(({ pattern }) => pattern === "*"));
      service.publish("mark", 0);
      await eventually(() => reports.some(({ subject }) => subject === "mark"));
      return reports.map(({ subject }) => subject).filter((subject) => subject !== "mark");
    };
    await C2.sees("A");
    expect(() => service.publish("s", 0, { lifetime: -1 })).toThrow(RangeError);
    const published = performance.now();
    service.publish("none", 1, { lifetime: 0 });
    service.publish("two seconds", 2, { lifetime: 2 });
    service.publish("for ever", 3, { lifetime: Number.POSITIVE_INFINITY });
    const first = await mark();
    expect(performance.now() - published).toBeLessThan(2_000);
    expect(first.sort()).toEqual(["for ever", "two seconds"]);
    await passing(2.1);
    expect(await mark()).toEqual(["for ever"]);
    service.publish("for ever", 4, { lifetime: 0 });
    await eventually(() => before.reports.at(-1)?.content === 4);
    expect(await mark()).toEqual([]);
  });

  it("D34 patterns match as OSE's do, and each gets its own copy (17)", async () => {
    const hub = await network.hub();
    const [C1, C2] = await Promise.all([network.client(hub), network.client(hub)]);
    const service = new Service("A", { registry: C1.registry });
    const got = ["system.*", "s?stem", "*"].map((pattern) => ({
      pattern,
      ...C2.subscribe("A", pattern),
    }));
    await eventually(() => service.subscribers.length === 3);
    const subjects = ["system", "system.time", "system.a.b", "System", "sstem", "s.stem", ""];
    for (const subject of subjects) service.publish(subject, subject);
    service.publish("last", 0);
    await eventually(() => got[2]?.reports.at(-1)?.subject === "last");
    const seen = got.map(({ pattern, reports }) => [pattern, reports.map((each) => each.subject)]);
    expect(Object.fromEntries(seen)).toEqual({
      "system.*": ["system.time", "system.a.b"],
      "s?stem": ["system", "s.stem"],
      "*": [...subjects, "last"],
    });
  });
});
