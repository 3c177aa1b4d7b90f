// Reports on their way through the hub.
// Promises 12 (order), 17 (patterns), 18 (at most once), 20 (`missed`), 21 (a slow subscriber costs
// the others nothing), 23 (`publish` returns false and `flush` waits).

import { describe, expect, it } from "vitest";
import { makeGate } from "../helpers/gate.js";
import { canFreeze, useProcesses } from "../helpers/processes.js";
import { stretched } from "../helpers/time.mjs";

/** For many reports, in milliseconds. */
const LONG = stretched(60_000);

const processes = useProcesses();

async function star() {
  const hub = await processes.start("hub");
  const provider = await processes.start("client", { port: hub.port, label: "provider" });
  await provider.ask("provide", { name: "meter" });
  const user = await processes.start("client", { port: hub.port, label: "user" });
  await user.ask("waitFor", { name: "meter", timeout: 5 });
  return { hub, provider, user };
}

const complete = (times: number) => ({
  ...{ count: times, first: 1, last: times, disordered: 0, missed: 0, told: 0 },
});

describe("reports through the hub", { timeout: stretched(90_000) }, () => {
  it("arrive complete and in order, 10,000 of a publisher that respects `false` (12, 23)", async () => {
    const { hub, provider, user } = await star();
    const times = 10_000;
    await user.ask("tally", { target: "meter" });
    await hub.ask("tally", { target: "meter" });
    await provider.several("subscribed", 2);
    const began = performance.now();
    // 20 MB in all: far more than may be queued before `publish` returns false.
    const fields = { name: "meter", subject: "n", times, padding: 2_000 };
    const pauses = await provider.ask("publishAll", fields, LONG);
    const tallies = [
      await user.ask("tallyReached", { last: times }, LONG),
      await hub.ask("tallyReached", { last: times }, LONG),
    ];
    const milliseconds = performance.now() - began;
    console.log(
      `10,000 reports of 2 kB to two subscribers: ${milliseconds.toFixed(0)} ms, ${pauses} pauses`,
    );
    expect(tallies).toMatchObject([complete(times), complete(times)]);
  });

  it.skipIf(!canFreeze)(
    "wait at a publisher whose hub is frozen: `publish` returns false, `flush` waits, nothing is lost (23)",
    async () => {
      const { hub, provider, user } = await star();
      const times = 3_000;
      await user.ask("tally", { target: "meter" });
      await provider.event("subscribed");
      hub.kill("SIGSTOP");
      const published = provider.ask("publishAll", {
        ...{ name: "meter", subject: "n", times, padding: 8_000 },
      });
      await provider.event("pausing");
      hub.kill("SIGCONT");
      expect(Number(await published)).toBeGreaterThan(0);
      expect(await user.ask("tallyReached", { last: times })).toMatchObject(complete(times));
    },
  );

  it("come once per subscription, and only what its pattern matches (17, 18)", async () => {
    const { provider, user } = await star();
    const patterns = ["temperature.*", "*.kitchen", "t?mperature.kitchen", "Temperature.*", "*"];
    for (const pattern of patterns) {
      await user.ask("subscribe", { target: "meter", pattern, mark: pattern });
    }
    // Interest is told once per process and pattern.
    await user.ask("subscribe", { target: "meter", pattern: "*", mark: "* again" });
    await user.ask("flush");
    await provider.several("subscribed", patterns.length);
    for (const subject of ["temperature.kitchen", "temperature.hall", "humidity.kitchen", "end"]) {
      await provider.ask("publish", { name: "meter", subject, content: subject });
    }
    await user.several("report", 2, ({ subject }) => subject === "end");
    const came = (mark: string) =>
      user.told("report", (event) => event.mark === mark).map(({ subject }) => subject);
    const all = ["temperature.kitchen", "temperature.hall", "humidity.kitchen", "end"];
    expect(came("temperature.*")).toEqual(["temperature.kitchen", "temperature.hall"]);
    expect(came("*.kitchen")).toEqual(["temperature.kitchen", "humidity.kitchen"]);
    expect(came("t?mperature.kitchen")).toEqual(["temperature.kitchen"]);
    expect(came("Temperature.*")).toEqual([]);
    expect(came("*")).toEqual(all);
    expect(came("* again")).toEqual(all);
    expect(provider.told("subscribed")).toHaveLength(patterns.length);
  });

  it("reach everybody else while one subscriber's JavaScript is busy, who then lacks only the oldest (20, 21)", async () => {
    const { hub, provider, user } = await star();
    const slow = await processes.start("client", { port: hub.port, label: "slow" });
    await slow.ask("tally", { target: "meter", options: { maxReports: 100 } });
    await user.ask("tally", { target: "meter" });
    await provider.several("subscribed", 2);
    using gate = makeGate();
    const blocked = slow.ask("block", { seconds: 0, until: gate.path });
    await slow.event("blocking");
    const times = 5_000;
    await provider.ask("publishAll", { name: "meter", subject: "n", times });
    await user.ask("tallyReached", { count: times });
    expect(await user.ask("tallied")).toMatchObject(complete(times));

    gate.open();
    await blocked;
    await slow.ask("tallyReached", { last: times });
    const tally = (await slow.ask("tallied")) as { count: number; missed: number; told: number };
    expect(tally).toMatchObject({ last: times, disordered: 0 });
    // None is both dropped and delivered, and each that is dropped is counted.
    expect(tally.missed).toBeGreaterThan(0);
    expect(tally.count + tally.missed).toBe(times);
    expect(tally.told).toBe(tally.missed);
  });

  it.skipIf(!canFreeze)(
    "reach everybody else while one subscriber is frozen, who later gets the newest in order (21, 23)",
    async () => {
      const patient = { interval: 1, dead: 60 };
      const limits = { outbox: 1 << 20 };
      const hub = await processes.start("hub", { limits, heartbeat: patient });
      const provider = await processes.start("client", { port: hub.port, label: "provider" });
      await provider.ask("provide", { name: "meter" });
      const user = await processes.start("client", { port: hub.port, label: "user" });
      const frozen = await processes.start("client", { port: hub.port, label: "frozen" });
      await user.ask("tally", { target: "meter" });
      await frozen.ask("tally", { target: "meter" });
      await provider.several("subscribed", 2);
      frozen.kill("SIGSTOP");
      // 20 MB: more than the sockets and the hub's outbox of 1 MiB hold.
      const times = 10_000;
      // In rounds that the outbox of one who reads holds, however slowly this machine lets it read.
      for (let from = 1; from <= times; from += 250) {
        const round = { from, times: from + 249, padding: 2_000 };
        await provider.ask("publishAll", { name: "meter", subject: "n", ...round });
        await user.ask("tallyReached", { last: round.times });
      }
      expect(await user.ask("tallied")).toMatchObject(complete(times));

      frozen.kill("SIGCONT");
      const tally = (await frozen.ask("tallyReached", { last: times })) as { count: number };
      expect(tally).toMatchObject({ first: 1, last: times, disordered: 0 });
      expect(tally.count).toBeLessThan(times);
      for (const process of [hub, provider, user, frozen]) {
        expect(process.told("inactive")).toEqual([]);
      }
    },
  );

  it("are told to a publisher as subscribers that come and go (22)", async () => {
    const { provider, user } = await star();
    await user.ask("subscribe", { target: "meter", pattern: "a.*" });
    expect(await provider.event("subscribed")).toMatchObject({ process: user.id, pattern: "a.*" });
    expect(await provider.ask("subscribers", { name: "meter" })).toEqual([
      { process: user.id, label: "user", pattern: "a.*" },
    ]);
    user.kill();
    expect(await provider.event("unsubscribed")).toMatchObject({ process: user.id });
    expect(await provider.ask("subscribers", { name: "meter" })).toEqual([]);
  });
});
