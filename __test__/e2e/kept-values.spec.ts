// Values that a publisher keeps for those who come later.
// Promises 19 (replay, then live, without a gap and without a duplicate; lifetimes), 23 (the limit
// of kept values).

import { describe, expect, it } from "vitest";
import { eventually, rejection } from "../helpers/eventually.js";
import { type FixtureProcess, useProcesses } from "../helpers/processes.js";
import { stretched } from "../helpers/time.mjs";

/** For a test of many steps. */
const LONG = { timeout: stretched(60_000) };

const processes = useProcesses();

async function star(limits?: object) {
  const hub = await processes.start("hub");
  const provider = await processes.start("client", { port: hub.port, label: "provider", limits });
  await provider.ask("provide", { name: "meter" });
  const user = await processes.start("client", { port: hub.port, label: "user" });
  await user.ask("waitFor", { name: "meter", timeout: 5 });
  return { hub, provider, user };
}

function publish(
  provider: FixtureProcess,
  subject: string,
  content: number,
  lifetime: number | "forever",
): Promise<unknown> {
  return provider.ask("publish", { name: "meter", subject, content, lifetime });
}

let marks = 0;

/** What a new subscriber gets of kept values; `last` is the one published last. */
async function kept(
  { provider, user }: { provider: FixtureProcess; user: FixtureProcess },
  last: number,
): Promise<unknown[]> {
  // What was published is on its way no longer, or it might come live.
  await provider.ask("flush");
  await user.ask("flush");
  marks += 1;
  const mark = `late ${marks}`;
  await user.ask("subscribe", { target: "meter", mark });
  await user.event("report", (event) => event.mark === mark && event.content === last);
  const reports = user.told("report", (event) => event.mark === mark);
  expect(reports.every(({ replayed }) => replayed)).toBe(true);
  return reports.map(({ content }) => content);
}

describe("a late subscriber", () => {
  it("gets the last value of each subject, oldest first, then what is published (19)", async () => {
    const { provider, user } = await star();
    await publish(provider, "a", 1, "forever");
    await publish(provider, "b", 2, "forever");
    await publish(provider, "a", 3, 60);
    await publish(provider, "c", 4, 0);
    await provider.ask("flush");
    await user.ask("flush");
    await user.ask("subscribe", { target: "meter" });
    await user.several("report", 2);
    await publish(provider, "a", 5, "forever");
    await user.several("report", 3);
    expect(user.told("report")).toMatchObject([
      { subject: "b", content: 2, replayed: true, sequence: 2 },
      { subject: "a", content: 3, replayed: true, sequence: 3 },
      { subject: "a", content: 5, replayed: false, sequence: 5 },
    ]);
  });

  it("gets neither a gap nor a duplicate while the publisher goes on (19)", LONG, async () => {
    const { hub, provider, user } = await star();
    await publish(provider, "once", 1, "forever");
    await provider.ask("publishOn", { name: "meter", subjects: ["a", "b", "c"], from: 10 });
    const late: FixtureProcess[] = [];
    for (let n = 1; n <= 8; n++) {
      const client = await processes.start("client", { port: hub.port, label: `late ${n}` });
      await client.ask("tally", { target: "meter" });
      late.push(client);
      // In the other process, others have the live reports already.
      await user.ask("tally", { target: "meter", mark: `${n}` });
    }
    const last = await provider.ask("stop");
    const tallies = await Promise.all([
      ...late.map((client) => client.ask("tallyReached", { last })),
      ...late.map((_, index) => user.ask("tallyReached", { last, mark: `${index + 1}` })),
    ]);
    for (const tally of tallies as { replayed: number }[]) {
      // One gap: between the value that was published once and the run of the others, of which the
      // newest ones were kept or came live.
      expect(tally).toMatchObject({ first: 1, last, gaps: 1, disordered: 0, missed: 0 });
      expect(tally.replayed).toBeGreaterThanOrEqual(1);
      expect(tally.replayed).toBeLessThanOrEqual(4);
    }
  });

  it("gets no value whose lifetime has passed (19)", async () => {
    const { provider, user } = await star();
    await publish(provider, "short", 1, 1.5);
    await publish(provider, "long", 2, 60);
    await publish(provider, "end", 3, "forever");
    expect(await kept({ provider, user }, 3)).toEqual([1, 2, 3]);
    await eventually(async () => {
      expect(await kept({ provider, user }, 3)).toEqual([2, 3]);
      return true;
    });
  });

  it("gets no value that a report of lifetime 0 removed (19)", async () => {
    const { provider, user } = await star();
    await publish(provider, "a", 1, "forever");
    await publish(provider, "b", 2, "forever");
    expect(await kept({ provider, user }, 2)).toEqual([1, 2]);
    await publish(provider, "a", 3, 0);
    await publish(provider, "end", 4, "forever");
    expect(await kept({ provider, user }, 4)).toEqual([2, 4]);
  });

  it("gets nothing of a service that ended, only of its successor (19)", async () => {
    const { provider, user } = await star();
    await publish(provider, "a", 1, "forever");
    await provider.ask("withdraw", { name: "meter" });
    await provider.ask("provide", { name: "meter" });
    await publish(provider, "b", 2, "forever");
    expect(await kept({ provider, user }, 2)).toEqual([2]);
  });
});

describe("a publisher at its limit of kept values", () => {
  it("is told, and loses none of those it has (19, 23)", async () => {
    const { provider, user } = await star({ keptValues: 2 });
    await publish(provider, "a", 1, "forever");
    await publish(provider, "b", 2, "forever");
    expect(await rejection(publish(provider, "c", 3, "forever"))).toMatchObject({
      name: "LimitError",
      code: "limit",
    });
    await publish(provider, "b", 4, "forever");
    expect(await kept({ provider, user }, 4)).toEqual([1, 4]);
  });
});
