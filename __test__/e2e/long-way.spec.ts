// A publisher from which it takes a tenth of a second to the hub: who subscribes while it is being
// told who wants its reports begins where they are complete. Promises 19 and 20.

import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { proxy } from "../../scripts/soak/proxy.mjs";
import { type FixtureProcess, useProcesses } from "../helpers/processes.js";

const processes = useProcesses();
const networks: Array<{ close(): void }> = [];
afterEach(() => {
  for (const network of networks.splice(0)) network.close();
});

const SUBJECTS = ["a", "b"];
const NAME = "meter";
const GROUP = "meters";

async function longWay() {
  const hub = await processes.start("hub");
  const network = await proxy(Number(hub.port));
  networks.push(network);
  network.set({ latency: 0.1 });
  const user = await processes.start("client", { port: hub.port, label: "user" });
  const port = network.port;
  const publisher = await processes.start("client", { port, label: "publisher" });
  await user.event("active");
  await publisher.event("active");
  return { user, publisher };
}

/** What came for one subscription. */
function reports(user: FixtureProcess, mark: string) {
  const came = user.events.filter(({ event, mark: whose }) => event === "report" && whose === mark);
  const missed = came.reduce((sum, report) => sum + Number(report.missed), 0);
  return { contents: came.map(({ content }) => Number(content)), missed };
}

/** The numbers from `first` to `last`, or every other of them. */
function numbers(first: number, last: number, step: number): number[] {
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, n) => first + n * step);
}

describe("a publisher that is far away", () => {
  it("is heard without a hole, from the start by who wanted it before (19, 20)", async () => {
    const { user, publisher } = await longWay();
    await user.ask("subscribe", { target: { group: GROUP }, mark: "before" });
    await publisher.ask("provide", { name: NAME, groups: [GROUP] });
    await publisher.ask("publishOn", {
      ...{ name: NAME, subjects: SUBJECTS, from: 0, burst: 1, kept: false },
    });
    await user.ask("waitFor", { name: NAME, timeout: 10 });
    const later: Array<[mark: string, step: number]> = [];
    // At each point of the publisher's being told.
    for (let n = 0; n < 8; n++) {
      const [target, pattern] = [n % 2 === 0 ? NAME : { group: GROUP }, n % 4 < 2 ? "*" : "a"];
      const mark = `${n} ${pattern}`;
      await user.ask("subscribe", { target, pattern, mark });
      later.push([mark, pattern === "*" ? 1 : 2]);
      await sleep(50);
    }
    await sleep(400);
    const published = Number(await publisher.ask("stop"));
    const last = (step: number): number => published - (published % step);
    for (const [mark, step] of [["before", 1] as const, ...later]) {
      await user.event("report", (report) => report.mark === mark && report.content === last(step));
      const { contents, missed } = reports(user, mark);
      const first = mark === "before" ? 1 : Number(contents[0]);
      expect(contents).toEqual(numbers(first, last(step), step));
      expect(missed).toBe(0);
    }
  });

  it("is heard from the start when it joins a group (19)", async () => {
    const { user, publisher } = await longWay();
    await user.ask("subscribe", { target: { group: GROUP }, mark: "before" });
    await publisher.ask("provide", { name: NAME });
    await user.ask("waitFor", { name: NAME, timeout: 10 });
    await sleep(300); // until it has heard that nobody wants it
    await Promise.all([
      publisher.ask("join", { name: NAME, group: GROUP }),
      publisher.ask("publish", { name: NAME, subject: "a", content: "first" }),
      publisher.ask("publish", { name: NAME, subject: "a", content: "second" }),
    ]);
    await user.event("report", ({ content }) => content === "second");
    expect(user.events.filter(({ event }) => event === "report").map((it) => it.content)).toEqual([
      "first",
      "second",
    ]);
  });
});
