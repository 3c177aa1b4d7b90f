// Requests pending when somebody dies fail at once, not by their deadline.
// Promises 4 (what ends with a link), 15 (exactly one outcome, `delivered`), 16 (at once).

import { describe, expect, it } from "vitest";
import { type FixtureProcess, useProcesses } from "../helpers/processes.js";

const processes = useProcesses();
const PENDING = 100;
/** "Long before the 60 s deadline", also on a machine that is busy with other tests. */
const SOON = 30_000;

/** A hub, a provider of "slow", and two users with 100 requests pending each, deadline 60 s. */
async function pendingRequests() {
  const hub = await processes.start("hub");
  const provider = await processes.start("client", { port: hub.port, label: "provider" });
  await provider.ask("provide", { name: "slow" });
  const callers: FixtureProcess[] = [];
  for (const label of ["one", "two"]) {
    const caller = await processes.start("client", { port: hub.port, label });
    await caller.ask("waitFor", { name: "slow", timeout: 5 });
    callers.push(caller);
  }
  const summaries = callers.map((caller) =>
    caller.ask("callAll", { service: "slow", method: "hang", times: PENDING, timeout: 60 }),
  );
  await provider.several("hanging", callers.length * PENDING);
  return { hub, provider, callers, summaries };
}

function all(outcome: string) {
  return { outcomes: { [outcome]: PENDING }, settled: PENDING };
}

describe("requests with a deadline of 60 s", () => {
  it("fail with `lost` when their provider is killed (15, 16)", async () => {
    const { hub, provider, summaries } = await pendingRequests();
    const killed = performance.now();
    provider.kill();
    const outcomes = await Promise.all(summaries);
    const milliseconds = performance.now() - killed;
    console.log(`provider killed: 200 requests failed after ${milliseconds.toFixed(1)} ms`);
    expect(outcomes).toMatchObject([
      all("lost, delivered unknown"),
      all("lost, delivered unknown"),
    ]);
    expect(milliseconds).toBeLessThan(SOON);
    expect(await hub.event("inactive")).toMatchObject({
      peer: { label: "provider" },
      reason: { code: "connection-lost" },
    });
  });

  it("fail with `link-lost` when the hub is killed, and their handlers' signals abort (4, 15, 16)", async () => {
    const { hub, provider, callers, summaries } = await pendingRequests();
    const killed = performance.now();
    hub.kill();
    const outcomes = await Promise.all(summaries);
    const milliseconds = performance.now() - killed;
    console.log(`hub killed: 200 requests failed after ${milliseconds.toFixed(1)} ms`);
    const lost = all("link-lost, delivered unknown");
    expect(outcomes).toMatchObject([lost, lost]);
    expect(milliseconds).toBeLessThan(SOON);
    const aborted = await provider.several("aborted", callers.length * PENDING);
    expect(new Set(aborted.map(({ code }) => code))).toEqual(new Set(["lost"]));
    await provider.several("gone", callers.length * PENDING);
  });

  it("fail with `lost` when the service is closed (16)", async () => {
    const { provider, callers, summaries } = await pendingRequests();
    await provider.ask("withdraw", { name: "slow" });
    const lost = all("lost, delivered unknown");
    expect(await Promise.all(summaries)).toMatchObject([lost, lost]);
    const aborted = await provider.several("aborted", callers.length * PENDING);
    expect(new Set(aborted.map(({ code }) => code))).toEqual(new Set(["closed"]));
  });

  it("fail with `lost` when the hub itself provides and the link is cut by a client's end (4, 16)", async () => {
    const hub = await processes.start("hub");
    await hub.ask("provide", { name: "slow" });
    const caller = await processes.start("client", { port: hub.port, label: "caller" });
    await caller.ask("waitFor", { name: "slow", timeout: 5 });
    const summary = caller.ask("callAll", {
      ...{ service: "slow", method: "hang", times: PENDING, timeout: 60 },
    });
    await hub.several("hanging", PENDING);
    await caller.ask("disconnect");
    expect(await summary).toMatchObject(all("link-lost, delivered unknown"));
    const aborted = await hub.several("aborted", PENDING);
    expect(new Set(aborted.map(({ code }) => code))).toEqual(new Set(["lost"]));
  });
});

describe("after a provider was killed", () => {
  it("requests go to the one that is left, or are answered `no-service` (14, 16)", async () => {
    const hub = await processes.start("hub");
    const providers = [];
    for (const label of ["first", "second"]) {
      const provider = await processes.start("client", { port: hub.port, label });
      await provider.ask("provide", { name: "pair" });
      providers.push(provider);
    }
    const [first, second] = providers as [FixtureProcess, FixtureProcess];
    const user = await processes.start("client", { port: hub.port, label: "user" });
    await user.ask("watch", { filter: "pair" });
    await user.several("change", 2, ({ status }) => status === "available");
    const who = () => user.ask("call", { service: "pair", method: "whoami" });
    expect(new Set([await who(), await who()])).toEqual(new Set([first.id, second.id]));

    first.kill();
    await user.event("change", ({ status }) => status === "withdrawn");
    expect([await who(), await who()]).toEqual([second.id, second.id]);
    second.kill();
    await user.several("change", 2, ({ status }) => status === "withdrawn");
    await expect(who()).rejects.toMatchObject({ code: "no-service", delivered: "no" });
  });
});
