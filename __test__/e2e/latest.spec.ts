// The policy `latest`: a reader however slow gets the newest of every subject. Promises 20, 21.

import { describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { useProcesses } from "../helpers/processes.js";

const processes = useProcesses();
const SUBJECTS = ["a", "b", "c"];
const TIMES = 5000;

interface Told {
  subject: string;
  content: number;
  missed: number;
}

describe("a subscription with the policy latest", () => {
  it("of a busy process gets the newest of every subject, and counts the others (20, 21)", async () => {
    const hub = await processes.start("hub");
    const publisher = await processes.start("client", { port: hub.port, label: "publisher" });
    await publisher.ask("provide", { name: "sensor" });
    const busy = await processes.start("client", { port: hub.port, label: "busy" });
    await busy.ask("subscribe", { target: "sensor", options: { policy: "latest" } });
    await publisher.event("subscribed");

    const blocked = busy.ask("block", { seconds: 3 });
    await busy.event("blocking");
    for (const subject of SUBJECTS) {
      await publisher.ask("publishAll", { name: "sensor", subject, times: TIMES });
    }
    await blocked;
    for (const subject of SUBJECTS) {
      await busy.event("report", (told) => told.subject === subject && told.content === TIMES);
    }
    const told = busy.told("report") as unknown as Told[];
    expect(told.length).toBeLessThan(1000);
    const missed = told.reduce((sum, report) => sum + report.missed, 0);
    expect(missed + told.length).toBe(SUBJECTS.length * TIMES);
    expect(await busy.ask("missed")).toBe(missed);
  });

  it("read slowly hands out what is newest then, with no subject left out (20, 21)", async () => {
    const hub = await processes.start("hub");
    const meter = await processes.start("meter", { port: hub.port });
    const reader = await processes.start("reader", { port: hub.port });
    const options = { policy: "latest" };
    await reader.ask("subscribe", { target: "meter", options, mark: "m" });
    await meter.event("subscribed");
    const publish = async (from: number, to: number) => {
      for (let n = from; n <= to; n++) {
        for (const subject of SUBJECTS) await meter.ask("publish", { subject, content: n });
      }
      // Those sent before have arrived when this one has.
      await meter.ask("publish", { subject: "mark", content: to });
      await meter.ask("flush");
    };
    const next = async () => (await reader.ask("next", { mark: "m" })) as Told;
    await publish(1, 20);
    await eventually(async () => (await reader.ask("missed", { mark: "m" })) === 3 * 19);
    for (const subject of SUBJECTS) {
      expect(await next()).toMatchObject({ subject, content: 20, missed: 19 });
    }
    expect(await next()).toMatchObject({ subject: "mark", content: 20, missed: 0 });
    await publish(21, 23);
    await eventually(async () => (await reader.ask("missed", { mark: "m" })) === 3 * 21);
    for (const subject of SUBJECTS) {
      expect(await next()).toMatchObject({ subject, content: 23, missed: 2 });
    }
  });

  it("and any other names its publishers (22)", async () => {
    const hub = await processes.start("hub");
    const reader = await processes.start("reader", { port: hub.port });
    await reader.ask("subscribe", { target: "meter", mark: "m" });
    expect(await reader.ask("publishers", { mark: "m" })).toEqual([]);
    const first = await processes.start("meter", { port: hub.port, label: "first" });
    const second = await processes.start("meter", { port: hub.port, label: "second" });
    const publishers = () => reader.ask("publishers", { mark: "m" }) as Promise<object[]>;
    await eventually(async () => (await publishers()).length === 2);
    expect(await publishers()).toMatchObject([
      { name: "meter", label: "first", identity: first.ready.identity, local: false },
      { name: "meter", label: "second", identity: second.ready.identity },
    ]);
    first.kill();
    await eventually(async () => (await publishers()).length === 1);
    await reader.ask("close", { mark: "m" });
    expect(await publishers()).toEqual([]);
  });
});
