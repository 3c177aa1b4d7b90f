// Subscribers as a publisher sees them, and reports for one of them. Promise 22.

import { describe, expect, it } from "vitest";
import { eventually, rejection } from "../helpers/eventually.js";
import { useProcesses } from "../helpers/processes.js";

const processes = useProcesses();

async function star() {
  const hub = await processes.start("hub");
  const meter = await processes.start("meter", { port: hub.port });
  const one = await processes.start("client", { port: hub.port, label: "one" });
  const other = await processes.start("client", { port: hub.port, label: "other" });
  await one.ask("subscribe", { target: "meter", pattern: "state*" });
  await other.ask("subscribe", { target: "meter" });
  await meter.several("subscribed", 2);
  return { hub, meter, one, other };
}

describe("a publisher", () => {
  it("sees who subscribes: process, label and pattern, until it ends or is gone (22)", async () => {
    const { meter, one, other } = await star();
    const subscribers = () => meter.ask("subscribers") as Promise<object[]>;
    const expected = [
      { process: one.id, label: "one", pattern: "state*" },
      { process: other.id, label: "other", pattern: "*" },
    ];
    const seen = await subscribers();
    expect(seen).toHaveLength(2);
    expect(seen).toEqual(expect.arrayContaining(expected));
    await one.ask("unsubscribe");
    expect(await meter.event("unsubscribed")).toMatchObject(expected[0] ?? {});
    expect(await subscribers()).toEqual([expected[1]]);
    other.kill();
    await meter.event("unsubscribed", ({ label }) => label === "other");
    expect(await subscribers()).toEqual([]);
  });

  it("reaches one of them, in order with the rest, and nobody else (12, 22)", async () => {
    const { meter, one, other } = await star();
    await meter.ask("publish", { subject: "state", content: "before" });
    await meter.ask("publish", { subject: "state", content: "for one", to: one.id });
    // As a subscriber, as the events give it.
    const to = (await meter.event("subscribed", ({ label }) => label === "other")) as object;
    await meter.ask("publish", { subject: "state", content: "for other", to });
    await meter.ask("publish", { subject: "state", content: "after" });
    for (const process of [one, other]) {
      await process.event("report", ({ content }) => content === "after");
    }
    const told = (process: typeof one) => process.told("report").map(({ content }) => content);
    expect(told(one)).toEqual(["before", "for one", "after"]);
    expect(told(other)).toEqual(["before", "for other", "after"]);
    expect(one.told("report").map(({ sequence }) => sequence)).toEqual([1, 2, 4]);
  });

  it("keeps nothing of it, and tells only what somebody subscribes to (18, 22)", async () => {
    const { hub, meter, one } = await star();
    await meter.ask("publish", { subject: "state", content: "kept", lifetime: 60 });
    await meter.ask("publish", { subject: "state", content: "for one", to: one.id });
    await meter.ask("publish", { subject: "elsewhere", content: "unwanted", to: one.id });
    await meter.ask("publish", { subject: "state", content: "lost", to: "0".repeat(32) });
    const late = await processes.start("client", { port: hub.port, label: "late" });
    await late.ask("subscribe", { target: "meter" });
    await late.event("report");
    await meter.ask("publish", { subject: "state", content: "end" });
    for (const process of [one, late]) {
      await process.event("report", ({ content }) => content === "end");
    }
    const told = (process: typeof one) => process.told("report").map(({ content }) => content);
    expect(told(one)).toEqual(["kept", "for one", "end"]);
    expect(told(late)).toEqual(["kept", "end"]);
    const kept = { subject: "state", content: 1, to: one.id, lifetime: 60 };
    expect(await rejection(meter.ask("publish", kept))).toMatchObject({ name: "TypeError" });
  });

  it("may greet each subscriber when it comes (22)", async () => {
    const { hub, meter } = await star();
    const late = await processes.start("client", { port: hub.port, label: "late" });
    await late.ask("subscribe", { target: "meter", pattern: "hello" });
    const subscriber = await meter.event("subscribed", ({ label }) => label === "late");
    await meter.ask("publish", { subject: "hello", content: 1, to: subscriber });
    expect(await late.event("report")).toMatchObject({ subject: "hello", content: 1 });
    await eventually(() => meter.told("subscribed").length === 3);
  });
});
