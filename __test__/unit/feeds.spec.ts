import { describe, expect, it, onTestFinished } from "vitest";
import type { Change } from "../../ts/change.js";
import { EncodingError } from "../../ts/errors.js";
import type { Report } from "../../ts/report.js";
import { Service } from "../../ts/service.js";
import { eventually, within } from "../helpers/eventually.js";
import { fakeRegistry } from "../helpers/fake-native.js";

function setUp() {
  const fake = fakeRegistry();
  onTestFinished(() => fake.registry.close());
  const service = new Service("thermometer", { registry: fake.registry, groups: ["sensors"] });
  return { ...fake, service };
}

async function take<T>(items: AsyncIterator<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  while (taken.length < count) {
    const { value, done } = await within(items.next());
    if (done) break;
    taken.push(value);
  }
  return taken;
}

describe("a subscription", () => {
  it("is in force from the call, before the first next", async () => {
    const { registry, service } = setUp();
    const reports = registry.subscribe("thermometer", "temperature.*");
    service.publish("temperature.kitchen", 21.5);
    service.publish("humidity.kitchen", 40);
    service.publish("temperature.attic", { degrees: 30 });
    const [first, second] = await take(reports, 2);
    expect(first).toMatchObject({ subject: "temperature.kitchen", content: 21.5, sequence: 1 });
    expect(second).toMatchObject({ content: { degrees: 30 }, sequence: 3, missed: 0 });
    expect(first?.service).toEqual({ name: "thermometer", identity: service.identity });
  });

  it("has targets: name, identity, group", () => {
    const { registry, native, service } = setUp();
    registry.subscribe("a");
    registry.subscribe({ identity: service.identity }, "x?");
    registry.subscribe({ group: "g" }, "*", { maxReports: 5, maxBytes: 100 });
    const seen = native.seen.filter(([name]) => name === "subscribe").map(([, ...rest]) => rest);
    expect(seen).toEqual([
      [0, "a", "*", 65_536, 32 << 20, false],
      [1, service.identity, "x?", 65_536, 32 << 20, false],
      [2, "g", "*", 5, 100, false],
    ]);
    expect(() => registry.subscribe("a", "x".repeat(1025))).toThrow(RangeError);
    expect(() => registry.subscribe("a", "*", { maxReports: 0 })).toThrow(RangeError);
  });

  it("tells what the network told", async () => {
    const { registry, native } = setUp();
    const reports = registry.subscribe("remote");
    const sequence = 2 ** 40 + 3;
    native.report(3, { sequence: 2, replayed: true });
    const subscription = Number(native.credits.keys().next().value);
    native.report(subscription, { sequence, resumed: true, missed: 9, subject: "é" });
    native.report(subscription, { replayed: true, kind: 0, content: Uint8Array.of(1, 2) });
    const [first, second] = await take(reports, 2);
    expect(first).toMatchObject({ sequence, resumed: true, replayed: false, missed: 9 });
    expect(first).toMatchObject({ subject: "é", content: null });
    expect(second).toMatchObject({ resumed: false, replayed: true });
    expect(second?.content).toEqual(Uint8Array.of(1, 2));
    expect(second?.bytes).toEqual(Uint8Array.of(1, 2));
  });

  it("decodes content on first access, once, and throws there when it is malformed", async () => {
    const { registry, native, service } = setUp();
    const reports = registry.subscribe("thermometer");
    service.publish("a", { x: 1 }, { lifetime: 1 });
    native.report(Number(native.credits.keys().next().value), { content: Uint8Array.of(0xff) });
    const [good, bad] = await take(reports, 2);
    expect(good?.content).toBe(good?.content);
    expect(bad?.subject).toBe("s");
    expect(() => bad?.content).toThrow(EncodingError);
    expect(() => bad?.content).toThrow(EncodingError);
  });

  it("buffers no more than its credit, and gets more as it is read", async () => {
    const { registry, native, service } = setUp();
    const reports = registry.subscribe("thermometer");
    for (let n = 1; n <= 3000; n++) service.publish("n", n);
    await eventually(() => [...native.credits.values()][0] === 0);
    const taken = await take(reports, 3000);
    expect(taken.map(({ content }) => content)).toEqual(taken.map((_, index) => index + 1));
    expect(native.seen.filter(([name]) => name === "grant").length).toBeLessThanOrEqual(12);
  });

  it("grants a callback's reports back, many together", async () => {
    const { registry, native, service } = setUp();
    const contents: unknown[] = [];
    registry.subscribe("thermometer", "*", (report) => contents.push(report.content));
    for (let n = 1; n <= 3000; n++) service.publish("n", n);
    await eventually(() => contents.length === 3000);
    expect(contents).toEqual(contents.map((_, index) => index + 1));
    await eventually(() => Number([...native.credits.values()][0]) > 1024 - 256);
    expect(native.seen.filter(([name]) => name === "grant").length).toBeLessThanOrEqual(12);
  });

  it("serves several next() at a time in order", async () => {
    const { registry, service } = setUp();
    const reports = registry.subscribe("thermometer");
    const waiting = Promise.all([reports.next(), reports.next()]);
    service.publish("n", 1);
    service.publish("n", 2);
    const contents = (await within(waiting)).map(({ value }) => (value as Report).content);
    expect(contents).toEqual([1, 2]);
  });

  it("loses nothing to a next() that has lost a race and is kept", async () => {
    const { registry, service } = setUp();
    const reports = registry.subscribe("thermometer");
    let pending: ReturnType<typeof reports.next> | undefined;
    const contents: unknown[] = [];
    for (let round = 0; contents.length < 3; round++) {
      if (round > 0) service.publish("n", round);
      pending ??= reports.next();
      const late = new Promise<undefined>((resolve) => setImmediate(resolve, undefined));
      const result = await Promise.race([pending, round % 2 === 0 ? late : pending]);
      if (result === undefined) continue;
      pending = undefined;
      contents.push(result.value?.content);
    }
    expect(contents).toEqual([1, 2, 3]);
  });

  it("takes a callback or an iterator, not both", () => {
    const { registry } = setUp();
    const reports = registry.subscribe("thermometer", "*", () => {});
    expect(() => reports[Symbol.asyncIterator]()).toThrow(TypeError);
  });

  it("does not keep the process alive", () => {
    const { registry, environment } = setUp();
    registry.subscribe("thermometer");
    registry.watch();
    expect(environment.held).toBe(false);
  });

  const endings: Array<[string, (end: { close(): void; abort(): void }) => void]> = [
    ["close()", ({ close }) => close()],
    ["its signal", ({ abort }) => abort()],
  ];
  it.each(endings)("is ended by %s, also while it is waited for", async (_, end) => {
    const { registry, native, service } = setUp();
    const controller = new AbortController();
    const { signal } = controller;
    const reports = registry.subscribe("thermometer", "*", { signal });
    const waiting = reports.next();
    end({ close: () => reports.close(), abort: () => controller.abort() });
    expect(await within(waiting)).toEqual({ done: true, value: undefined });
    service.publish("n", 1);
    expect(await within(reports.next())).toEqual({ done: true, value: undefined });
    expect(native.seen.filter(([name]) => name === "unsubscribe")).toHaveLength(1);
    reports.close();
    expect(native.seen.filter(([name]) => name === "unsubscribe")).toHaveLength(1);
  });

  it("is ended by break, return and registry.close()", async () => {
    const { registry, native, service } = setUp();
    const reports = registry.subscribe("thermometer");
    service.publish("n", 1);
    for await (const report of reports) {
      expect(report.content).toBe(1);
      break;
    }
    expect(native.seen.filter(([name]) => name === "unsubscribe")).toHaveLength(1);

    const other = registry.subscribe("thermometer");
    const waiting = other.next();
    await registry.close();
    expect(await within(waiting)).toEqual({ done: true, value: undefined });
    for await (const _ of other) expect.unreachable();
  });

  it("with a signal aborted already never begins", async () => {
    const { registry, native } = setUp();
    const reports = registry.subscribe("thermometer", "*", { signal: AbortSignal.abort() });
    expect(await within(reports.next())).toEqual({ done: true, value: undefined });
    expect(native.seen.map(([name]) => name)).not.toContain("subscribe");
  });

  it("counts what was missed, also after its end", () => {
    const { registry, native } = setUp();
    const reports = registry.subscribe("thermometer");
    expect(reports.missed).toBe(7);
    reports.close();
    native.seen.length = 0;
    expect(reports.missed).toBe(7);
    expect(native.seen).toEqual([]);
  });
});

describe("a watch", () => {
  it("tells what exists, then current, then each change", async () => {
    const { registry, service } = setUp();
    const changes = registry.watch({ group: "sensors" });
    service.join("attic");
    const other = new Service("other", { registry, groups: ["sensors"] });
    other.close();
    service.close();
    const taken = await take(changes, 6);
    expect(taken.map((c) => [c.status, c.service.name, c.group, c.replayed])).toEqual([
      ["available", "thermometer", undefined, true],
      ["current", "", undefined, false],
      ["joined", "thermometer", "attic", false],
      ["available", "other", undefined, false],
      ["withdrawn", "other", undefined, false],
      ["withdrawn", "thermometer", undefined, false],
    ]);
    expect(taken[0]?.service).toMatchObject({
      identity: service.identity,
      audience: "*",
      groups: ["sensors"],
      local: true,
      label: "test",
      exchangeGroup: undefined,
    });
    expect(taken.at(-1)?.revision).toBe(5);
  });

  it("also tells a callback, and what that throws goes no further", async () => {
    const errors: unknown[] = [];
    const { registry } = fakeRegistry({ callbackError: (error) => errors.push(error) });
    onTestFinished(() => registry.close());
    const statuses: string[] = [];
    registry.watch("x", (change: Change) => {
      statuses.push(change.status);
      throw new Error(change.status);
    });
    new Service("x", { registry }).close();
    await eventually(() => statuses.length === 3);
    expect(statuses).toEqual(["current", "available", "withdrawn"]);
    expect(errors.map(String)).toEqual(statuses.map((status) => `Error: ${status}`));
  });

  it("gets more credit as it is read", async () => {
    const { registry, native } = setUp();
    const changes = registry.watch();
    for (let n = 0; n < 100; n++) new Service(`s${n}`, { registry });
    await take(changes, 100);
    await eventually(() => [...native.watchCredits.values()][0] === 256 + 64);
    changes.close();
    expect(native.seen.at(-1)?.[0]).toBe("unwatch");
  });
});

describe("waitFor", () => {
  it("gives a handle at once or as soon as there is a provider", async () => {
    const { registry, native, environment } = setUp();
    const ready = await within(registry.waitFor("thermometer"));
    expect(ready.name).toBe("thermometer");
    const waiting = registry.waitFor("late", { timeout: 10 });
    expect(environment.held).toBe(true);
    const late = new Service("late", { registry });
    expect((await within(waiting)).name).toBe("late");
    expect(environment.held).toBe(false);
    const { identity } = await within(registry.waitFor({ identity: late.identity }));
    expect(identity).toBe(late.identity);
    expect(native.seen.filter(([name]) => name === "unwatch")).toHaveLength(3);
  });

  it("ends by timeout, signal and close", async () => {
    const { registry } = setUp();
    await expect(within(registry.waitFor("x", { timeout: 0.01 }))).rejects.toMatchObject({
      code: "timeout",
    });
    const signal = AbortSignal.abort("no");
    await expect(within(registry.waitFor("x", { signal }))).rejects.toMatchObject({
      code: "cancelled",
      cause: "no",
    });
    await expect(registry.waitFor("x", { timeout: 301 })).rejects.toThrow(RangeError);
    const waiting = expect(within(registry.waitFor("x"))).rejects.toMatchObject({ code: "closed" });
    await registry.close();
    await waiting;
  });
});

describe("lookup", () => {
  it("lists services that fit", () => {
    const { registry, service } = setUp();
    const other = new Service("other", { registry, audience: "", methods: { a: () => 1 } });
    expect(registry.lookup().map(({ name }) => name)).toEqual(["thermometer", "other"]);
    expect(registry.lookup("other")).toMatchObject([
      { identity: other.identity, audience: "", methods: ["a"], groups: [] },
    ]);
    expect(registry.lookup({ group: "sensors" })).toMatchObject([{ identity: service.identity }]);
    expect(registry.lookup({ identity: service.identity, name: "other" })).toEqual([]);
    expect(() => registry.lookup({ identity: "x" })).toThrow(RangeError);
  });
});
