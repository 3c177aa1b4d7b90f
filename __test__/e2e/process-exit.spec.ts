// A process ends when nothing is open, and stays as long as something is.
// Promise 6: a listener, a link not closed (also while waiting), a pending request, `waitFor`,
// `ready`, `flush` and `close` hold it; services, subscriptions and watches do not; `unref` and
// `await using` let it go.

import { describe, expect, it } from "vitest";
import { freePort } from "../helpers/ports.js";
import { canFreeze, type FixtureProcess, useProcesses } from "../helpers/processes.js";

const processes = useProcesses();
const ended = { code: 0, signal: null };

async function hubWithService(): Promise<FixtureProcess> {
  return processes.start("hub", { services: ["hub"] });
}

describe("a process ends by itself", () => {
  it.each([
    "nothing at all",
    "services, subscriptions and watches",
    "a client exchange that never connected",
    "a closed listener",
    "an unreferenced listener",
  ])("with %s (6)", async (scenario) => {
    const process = await processes.start("exit", { scenario });
    expect(await process.exit()).toEqual(ended);
    expect(process.told("still here")).toEqual([]);
    expect(process.stderr).toBe("");
  });

  it.each([
    "a closed link",
    "an exchange left by `await using`",
    "a registry left by `await using`",
    "a settled request",
    "an unreferenced link",
  ])("with %s (6)", async (scenario) => {
    const hub = await hubWithService();
    const process = await processes.start("exit", { scenario, port: hub.port });
    expect(await process.exit()).toEqual(ended);
    expect(process.told("still here")).toEqual([]);
    await hub.event("inactive");
    expect(process.stderr).toBe("");
  });

  it("with an unreferenced link that waits (6)", async () => {
    const process = await processes.start("exit", {
      ...{ scenario: "an unreferenced link that waits", port: await freePort() },
    });
    expect(await process.exit()).toEqual(ended);
    expect(process.told("still here")).toEqual([]);
  });

  it("with a failed listener (6)", async () => {
    const hub = await hubWithService();
    const process = await processes.start("exit", {
      ...{ scenario: "a failed listener", port: hub.port },
    });
    expect(await process.event("settled")).toMatchObject({ code: "address-in-use" });
    expect(await process.exit()).toEqual(ended);
  });
});

describe("a process stays", () => {
  it.each([
    ["a listener", undefined],
    ["an active link", undefined],
    ["a link that is referenced again", undefined],
    ["a pending request", "cancelled"],
    ["`waitFor`", "cancelled"],
    ["a call that waits", "cancelled"],
  ])("while there is %s, and ends then (6)", async (scenario, code) => {
    const hub = await hubWithService();
    const process = await processes.start("exit", { scenario, port: hub.port });
    await process.event("still here");
    await process.ask("release");
    expect(await process.exit()).toEqual(ended);
    expect(process.told("settled")).toMatchObject(code === undefined ? [] : [{ code }]);
  });

  it.each([
    ["a link that waits", undefined],
    ["`ready`", "closed"],
  ])("while there is %s, and ends then (3, 6)", async (scenario, code) => {
    const process = await processes.start("exit", { scenario, port: await freePort() });
    await process.event("still here");
    await process.ask("release");
    expect(await process.exit()).toEqual(ended);
    expect(process.told("settled")).toMatchObject(code === undefined ? [] : [{ code }]);
  });
});

describe.skipIf(!canFreeze)("a process whose hub is frozen stays", () => {
  it("while there is `flush`, and ends then (6)", async () => {
    const hub = await hubWithService();
    const process = await processes.start("exit", { scenario: "`flush`", port: hub.port });
    await hub.freeze();
    await process.ask("go");
    await process.event("still here");
    expect(process.told("settled")).toEqual([]);
    await process.ask("release");
    expect(await process.exit()).toEqual(ended);
    expect(process.told("settled")).toMatchObject([{ code: "cancelled" }]);
  });

  it("while there is `close`, at most for its drain time (6)", async () => {
    const hub = await hubWithService();
    await hub.ask("tally", { target: "big" });
    const process = await processes.start("exit", { scenario: "`close`", port: hub.port });
    await hub.freeze();
    const began = performance.now();
    await process.ask("go");
    await process.event("still here");
    expect(await process.exit()).toEqual(ended);
    const milliseconds = performance.now() - began;
    console.log(`close with drain 2 s and a frozen hub: ended after ${milliseconds.toFixed(0)} ms`);
    expect(process.told("settled")).toHaveLength(1);
    expect(milliseconds).toBeGreaterThan(1_900);
    // Not for ever, as the frozen hub would have it.
    expect(milliseconds).toBeLessThan(30_000);
  });
});

describe("what a process published last", () => {
  // More than nothing and less than a socket's buffer: what does not fit is lost.
  const few = 500;
  const many = 40_000;

  it.each([
    ["although it ended at once, by process.exit", "exit", 3, few],
    ["although it ended at once, by an uncaught error", "throw", 1, few],
    ["although it ended at once, by its natural end", "end", 0, few],
    ["however much it is, if it closed its registry", "close", 0, many],
  ])("arrives %s (6)", async (_, how, code, reports) => {
    const hub = await processes.start("hub");
    const user = await processes.start("client", { port: hub.port });
    await user.ask("tally", { target: "mortal" });
    await user.ask("flush");
    const mortal = await processes.start("last-words", { port: hub.port, how, reports });
    mortal.ask("die").catch(() => {}); // there may be no answer any more
    expect(await mortal.exit()).toEqual({ code, signal: null });
    await hub.event("inactive", ({ peer }) => (peer as { process: string }).process !== user.id);
    expect(await user.ask("tallyReached", { last: reports })).toMatchObject({
      ...{ count: reports, first: 1, last: reports, disordered: 0, missed: 0 },
    });
  });
});
