// One subscriber of five is stopped while the publisher publishes as fast as the others can take
// it.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { type FixtureProcess, useProcesses } from "../helpers/processes.js";
import { stretched } from "../helpers/time.mjs";

const processes = useProcesses();
const PATIENCE = stretched(60_000);

/** What the hub may queue for one link: far less than is published. */
const OUTBOX = 2 << 20;
const PADDING = 500;
/** More than an outbox and the sockets of two processes take: about 28 MB. */
const REPORTS = 50_000;
const WINDOW = 500;

interface Account {
  readonly [what: string]: number;
  readonly live: number;
  readonly first: number;
  readonly last: number;
  readonly missed: number;
}

async function account(subscriber: FixtureProcess): Promise<Account> {
  return (await subscriber.ask("account", {}, PATIENCE)) as Account;
}

/** The most memory that a process ever had resident, in bytes; where /proc says so. */
function mostResident(pid: number): number {
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(peak?.[1]) * 1024;
}

async function five(heartbeat?: object) {
  const hub = await processes.start("plain-hub", { limits: { outbox: OUTBOX }, heartbeat });
  const { port } = hub;
  const publisher = await processes.start("torrent", { port, padding: PADDING, heartbeat });
  const labels = ["one", "two", "three", "four", "frozen"];
  const subscribers = await Promise.all(
    labels.map((label) => processes.start("gauge", { port, label, heartbeat, target: "torrent" })),
  );
  const frozen = subscribers.pop();
  if (frozen === undefined) throw new Error("nobody to freeze");
  await eventually(async () => (await publisher.ask("subscribers")) === labels.length);
  const follow = (reports: number) =>
    publisher.ask(
      "follow",
      { reports, window: WINDOW, pace: labels.slice(0, -1) },
      PATIENCE,
    ) as Promise<number>;
  /** They got everything, in order. */
  const unharmed = async (sequence: number) => {
    for (const subscriber of subscribers) {
      expect(await account(subscriber)).toMatchObject({
        ...{ live: sequence, first: 1, last: sequence, missed: 0 },
        ...{ disordered: 0, toolow: 0, toohigh: 0, subscription: 0 },
      });
      expect(subscriber.told("inactive")).toEqual([]);
    }
    expect(publisher.told("inactive")).toEqual([]);
  };
  return { hub, publisher, frozen, follow, unharmed };
}

describe.skipIf(process.platform === "win32")("a stopped subscriber", () => {
  it("goes on with the right `missed`; the others lose nothing, the hub stays small (20, 21, 23)", {
    timeout: 4 * PATIENCE,
  }, async () => {
    const { hub, frozen, follow, unharmed } = await five();
    await follow(WINDOW);
    await eventually(async () => (await account(frozen)).live === WINDOW);
    const before = process.platform === "linux" ? mostResident(hub.pid) : 0;
    frozen.kill("SIGSTOP");
    const sequence = await follow(REPORTS);
    await unharmed(sequence);
    if (process.platform === "linux") {
      const grown = mostResident(hub.pid) - before;
      // The outbox; and buffers of the other links, of which none is behind by more than two
      // windows.
      expect(grown).toBeLessThan(8 * OUTBOX);
    }
    frozen.kill("SIGCONT");
    await eventually(async () => (await account(frozen)).last === sequence, PATIENCE);
    const { live, missed, ...rest } = await account(frozen);
    expect(rest).toMatchObject({
      ...{ first: 1, disordered: 0, toolow: 0, toohigh: 0, subscription: missed, resumed: 0 },
    });
    expect(missed).toBeGreaterThan(0);
    expect(live + missed).toBe(sequence);
    expect(frozen.told("inactive")).toEqual([]);
    expect(await hub.ask("lost")).toEqual([]);
  });

  it("that stays so is closed as slow-consumer, comes back and is told what it missed (20, 23)", {
    timeout: 4 * PATIENCE,
  }, async () => {
    // Nobody is given up for silence here.
    const { hub, frozen, follow, unharmed } = await five({ interval: 20, dead: 120 });
    await follow(WINDOW);
    await eventually(async () => (await account(frozen)).live === WINDOW);
    frozen.kill("SIGSTOP");
    let sequence = await follow(REPORTS);
    const lost = () => hub.ask("lost") as Promise<unknown[]>;
    await eventually(async () => (await lost()).length > 0, PATIENCE);
    expect(await lost()).toEqual([{ label: "frozen", code: "slow-consumer" }]);
    sequence = await follow(WINDOW);
    await unharmed(sequence);
    frozen.kill("SIGCONT");
    await frozen.several("active", 2, undefined, PATIENCE);
    await eventually(() => hub.ask("links").then((links) => links === 6), PATIENCE);
    await frozen.ask("account");
    await eventually(async () => {
      sequence = await follow(WINDOW);
      return (await account(frozen)).resumed === 1;
    }, PATIENCE);
    await eventually(async () => (await account(frozen)).last === sequence, PATIENCE);
    const { live, missed, ...rest } = await account(frozen);
    expect(rest).toMatchObject({ first: 1, disordered: 0, toolow: 0, subscription: missed });
    expect(live + missed).toBeGreaterThanOrEqual(sequence);
    expect(rest.missedWhileAway).toBeGreaterThan(0);
    await unharmed(sequence);
  });
});
