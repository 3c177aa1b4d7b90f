// Late subscribers of many publishers, whose kept values are more than fits on their way.

import { describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { canFreeze, type FixtureProcess, useProcesses } from "../helpers/processes.js";
import { stretched } from "../helpers/time.mjs";

const processes = useProcesses();
const PUBLISHERS = 8;
const VALUES = 700;
const ALL = PUBLISHERS * VALUES;
/** Together 46 MB: more than an outbox or a subscription holds. */
const SIZE = 8192;
const PATIENCE = stretched(60_000);

interface Account {
  readonly [what: string]: number;
  readonly told: number;
  readonly subjects: number;
}

async function scene() {
  const hub = await processes.start("plain-hub");
  const shelves = await processes.start("shelves", {
    ...{ port: hub.port, publishers: PUBLISHERS, values: VALUES, size: SIZE },
  });
  const late = await processes.start("collector", { port: hub.port, label: "late" });
  const account = async () => (await late.ask("account", {}, PATIENCE)) as Account;
  return { hub, shelves, late, account };
}

/** All values came once, in order, and no link was lost. */
const WHOLE = {
  ...{ told: ALL, replayed: ALL, subjects: ALL },
  ...{ disordered: 0, missed: 0, resumed: 0, subscription: 0 },
};

async function linksStay(hub: FixtureProcess, clients: FixtureProcess[]) {
  for (const client of clients) expect(client.told("inactive")).toEqual([]);
  expect(await hub.ask("lost")).toEqual([]);
}

describe("a late subscriber of 8 publishers that keep 700 values each", () => {
  it.each([
    ["reads at once", { options: {} }],
    ["reads at once, with `maxReports: 1000`", { options: { maxReports: 1000 } }],
    ["is blocked before it reads", { options: {}, block: 3 }],
    ["is blocked in the middle", { options: { maxReports: 1000 }, block: 3, after: ALL / 4 }],
  ])("gets all of them, once, when it %s (19, 20)", { timeout: 2 * PATIENCE }, async (_, how) => {
    const { hub, shelves, late, account } = await scene();
    await late.ask("collect", how);
    await eventually(async () => (await account()).told >= ALL, PATIENCE);
    expect(await account()).toEqual(WHOLE);
    await linksStay(hub, [shelves, late]);
  });

  it.skipIf(!canFreeze)(
    "gets all of them, once, when it is stopped in the middle (19, 20)",
    { timeout: 2 * PATIENCE },
    async () => {
      const { hub, shelves, late, account } = await scene();
      await late.ask("collect", { options: { maxReports: 1000 } });
      await eventually(async () => (await account()).told > ALL / 20, PATIENCE);
      await late.freeze();
      await new Promise((resolve) => setTimeout(resolve, 3000));
      late.kill("SIGCONT");
      await eventually(async () => (await account()).told >= ALL, PATIENCE);
      expect(await account()).toEqual(WHOLE);
      await linksStay(hub, [shelves, late]);
    },
  );

  it("gets a value of each subject while they are replaced (19, 20)", {
    timeout: 2 * PATIENCE,
  }, async () => {
    const { hub, shelves, late, account } = await scene();
    await shelves.ask("renew");
    await late.ask("collect", { options: { maxReports: 1000 }, block: 2, after: ALL / 4 });
    await eventually(async () => (await account()).subjects >= ALL, PATIENCE);
    const rounds = Number(await shelves.ask("rest"));
    expect(await account()).toMatchObject({ subjects: ALL, disordered: 0, resumed: 0 });
    expect((await account()).told).toBeLessThanOrEqual(ALL + rounds * PUBLISHERS);
    await linksStay(hub, [shelves, late]);
  });
});
