// The policy `latest` on this side of the border: what waits for the reader is replaced in place.

import { describe, expect, it, onTestFinished } from "vitest";
import { Service } from "../../ts/service.js";
import type { SubscriptionOptions } from "../../ts/subscription.js";
import { eventually, rejection, within } from "../helpers/eventually.js";
import { fakeRegistry } from "../helpers/fake-native.js";

function setUp(options: SubscriptionOptions = { policy: "latest" }) {
  const fake = fakeRegistry();
  onTestFinished(() => fake.registry.close());
  const reports = fake.registry.subscribe("remote", "*", options);
  const subscription = Number(fake.native.credits.keys().next().value);
  /** Delivered before this resolves. */
  const arrive = async (...subjects: Array<[subject: string, sequence: number]>) => {
    for (const [subject, sequence] of subjects) {
      const content = Uint8Array.of(sequence);
      fake.native.report(subscription, { subject, sequence, content });
    }
    // Delivered in its turn, after as many breaks as a slow machine takes for the others.
    await rejection(fake.registry.service("nobody").call("method"));
  };
  return { ...fake, reports, subscription, arrive };
}

async function take(reports: ReturnType<typeof setUp>["reports"]) {
  const { value } = await within(reports.next());
  return value && [value.subject, value.sequence, value.missed];
}

describe("the policy latest", () => {
  it("is told to the native side, and must be one", () => {
    const { native, registry } = setUp();
    expect(native.seen.find(([name]) => name === "subscribe")?.at(-1)).toBe(true);
    registry.subscribe("remote", "*", { policy: "buffer" });
    expect(native.seen.findLast(([name]) => name === "subscribe")?.at(-1)).toBe(false);
    expect(() => registry.subscribe("a", "*", { policy: "newest" as never })).toThrow(RangeError);
  });

  it("replaces what waits in its place, counted, and no subject starves", async () => {
    const { reports, arrive } = setUp();
    await arrive(["a", 1], ["b", 2], ["a", 3], ["c", 4], ["a", 5], ["b", 6]);
    expect(await take(reports)).toEqual(["a", 5, 2]);
    await arrive(["a", 7], ["c", 8]);
    expect(await take(reports)).toEqual(["b", 6, 1]);
    expect(await take(reports)).toEqual(["c", 8, 1]);
    expect(await take(reports)).toEqual(["a", 7, 0]);
    // The native side counts its own: 7 in this fake.
    expect(reports.missed).toBe(7 + 4);
    reports.close();
    expect(reports.missed).toBe(7 + 4);
  });

  it("keeps services apart, and what an older report told", async () => {
    const { reports, native, subscription, arrive } = setUp();
    native.report(subscription, { service: 900, sequence: 1, resumed: true, missed: 4 });
    native.report(subscription, { service: 901, sequence: 9 });
    native.report(subscription, { service: 900, sequence: 2, missed: 1 });
    await arrive();
    const first = await within(reports.next());
    expect(first.value).toMatchObject({ sequence: 2, missed: 6, resumed: true, replayed: false });
    expect((await within(reports.next())).value).toMatchObject({ sequence: 9, missed: 0 });
  });

  it("gives the place of what it replaced back", async () => {
    const { reports, native, arrive } = setUp();
    for (let n = 0; n < 257; n++) await arrive(["a", n + 1]);
    await eventually(() => native.seen.some(([name]) => name === "grant"));
    expect(await take(reports)).toEqual(["a", 257, 256]);
  });

  it("works on however far the queue was read", async () => {
    const { reports, arrive } = setUp();
    const subjects = Array.from({ length: 700 }, (_, n) => `s${n}`);
    await arrive(...subjects.map((subject, n): [string, number] => [subject, n + 1]));
    for (let n = 0; n < 300; n++) expect(await take(reports)).toEqual([`s${n}`, n + 1, 0]);
    await arrive(["s0", 1001], ["s600", 1002]);
    for (let n = 300; n < 700; n++) {
      expect(await take(reports)).toEqual(n === 600 ? ["s600", 1002, 1] : [`s${n}`, n + 1, 0]);
    }
    expect(await take(reports)).toEqual(["s0", 1001, 0]);
  });

  it("tells a callback everything it can take", async () => {
    const fake = fakeRegistry();
    onTestFinished(() => fake.registry.close());
    const service = new Service("s", { registry: fake.registry });
    const seen: unknown[] = [];
    fake.registry.subscribe("s", "*", ({ content }) => seen.push(content), { policy: "latest" });
    for (const n of [1, 2, 3]) service.publish("x", n);
    await eventually(() => seen.length === 3);
    expect(seen).toEqual([1, 2, 3]);
  });
});

describe("publishers", () => {
  it("are listed while the subscription lives", () => {
    const { registry, reports, native } = setUp();
    const service = new Service("remote", { registry });
    expect(reports.publishers).toMatchObject([{ name: "remote", identity: service.identity }]);
    reports.close();
    native.seen.length = 0;
    expect(reports.publishers).toEqual([]);
    expect(native.seen).toEqual([]);
  });
});
