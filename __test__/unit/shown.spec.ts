// What is seen of a report, a link, a service, an exchange and a registry in logs: printed, and as
// JSON.

import { inspect } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { EXCHANGE_CLIENT, Exchange } from "../../ts/exchange.js";
import { Registry } from "../../ts/registry.js";
import type { Report } from "../../ts/report.js";
import { Service } from "../../ts/service.js";
import { eventually } from "../helpers/eventually.js";
import { fakeRegistry } from "../helpers/fake-native.js";

function setUp() {
  const fake = fakeRegistry({ log: "off", label: "me" });
  onTestFinished(() => fake.registry.close());
  return fake;
}

function json(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

async function reported(content: unknown): Promise<Report> {
  const { registry } = setUp();
  const meter = new Service("meter", { registry });
  const reports = registry.subscribe("meter");
  meter.publish("power", content);
  return (await reports.next()).value as Report;
}

describe("a report", () => {
  it("prints its content", async () => {
    const report = await reported({ watts: new Map([["a", 5n]]) });
    const text = inspect(report, { depth: 5, breakLength: Number.POSITIVE_INFINITY });
    expect(text).toMatch(/^Report \{ service: \{ name: 'meter', identity: '\w+\.\d+' \}, /);
    expect(text).toContain("subject: 'power', content: { watts: Map(1) { 'a' => 5n } }");
    expect(inspect({ a: { b: report } }, { depth: 1 })).toContain("[Report]");
    expect(inspect([report], { depth: null })).toContain("5n");
  });

  it("is JSON with its content", async () => {
    const report = await reported({ watts: 5 });
    expect(json(report)).toEqual({
      service: { name: "meter", identity: report.service.identity },
      ...{ subject: "power", content: { watts: 5 }, sequence: 1, missed: 0 },
      ...{ replayed: false, resumed: false },
    });
  });

  it("says what is wrong with malformed content instead of throwing", async () => {
    const { registry, native } = setUp();
    new Service("meter", { registry });
    const reports = registry.subscribe("meter");
    const subscription = await eventually(() => native.credits.keys().next().value);
    native.report(Number(subscription), { content: Uint8Array.of(0xff) });
    const report = (await reports.next()).value as Report;
    expect(inspect(report)).toContain("malformed content");
    expect(json(report)).toMatchObject({ error: expect.stringContaining("malformed content") });
    expect(json(report)).not.toHaveProperty("content");
  });
});

describe("a link and its exchange", () => {
  it("show state, peer and reason", async () => {
    const { registry, native } = setUp();
    const exchange = new Exchange(EXCHANGE_CLIENT, { registry, group: "plant" });
    const link = exchange.connect("localhost", 11111);
    expect(json(link)).toEqual({ state: "connecting", attempt: 0 });
    const [, number] = native.seen.findLast(([name]) => name === "connect") ?? [];
    native.link(2, Number(number), Number(number) + 1, {
      attempt: 3,
      reason: 17,
      retryMs: 100_000,
    });
    await eventually(() => link.attempt === 3);
    const reason = { code: link.reason?.code, message: "it broke" };
    const shown = { state: "waiting", attempt: 3, peer: link.peer, reason };
    expect(json(link)).toEqual(shown);
    expect(inspect(link)).toMatch(/^Link \{\s+state: 'waiting',/);
    expect(json(exchange)).toEqual({
      ...{ role: "client", group: "plant", links: [shown], closed: false },
    });
    expect(inspect(exchange)).toMatch(/^Exchange \{\s+role: 'client',\s+group: 'plant',/);
  });
});

describe("a service", () => {
  it("shows what it is", () => {
    const { registry } = setUp();
    const service = new Service("meter", { registry, groups: ["g"], methods: { read: () => 1 } });
    const { identity } = service;
    const shown = { name: "meter", identity, audience: "*", groups: ["g"], methods: ["read"] };
    expect(json(service)).toEqual({ ...shown, subscribers: [], closed: false });
    expect(inspect(service)).toMatch(/^Service \{\s+name: 'meter',/);
    service.close();
    expect(json(service)).toMatchObject({ closed: true });
  });
});

describe("a registry", () => {
  it("shows label and id, without being used by that", async () => {
    const unused = new Registry({ label: "later" });
    expect(json(unused)).toEqual({ state: "unused", label: "later" });
    expect(inspect(unused)).toMatch(/^Registry \{\s+state: 'unused',/);
    const { registry, native } = setUp();
    const { id } = registry;
    native.seen.length = 0;
    expect(json(registry)).toMatchObject({ state: "open", label: "me", id });
    expect(inspect(registry)).toContain(id);
    expect(native.seen).toEqual([]);
    await registry.close();
    expect(json(registry)).toMatchObject({ state: "closed", label: "me", id });
  });
});
