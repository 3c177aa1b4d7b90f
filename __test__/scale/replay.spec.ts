// A late subscriber and a publisher that does not wait for it.

import { describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { useProcesses } from "../helpers/processes.js";
import { stretched } from "../helpers/time.mjs";

const processes = useProcesses();
const KEPT = 10_000;
const PATIENCE = stretched(60_000);

interface Account {
  readonly [what: string]: number;
  readonly live: number;
  readonly first: number;
  readonly last: number;
  readonly missed: number;
}

describe("10,000 kept values", () => {
  it.each([
    ["but for flushing when told so", true],
    ["whatever `publish` returns", false],
  ])(
    "are replayed to a late subscriber while the publisher goes on at full speed, %s (19, 20)",
    { timeout: 4 * PATIENCE },
    async (_, paced) => {
      const hub = await processes.start("plain-hub");
      const publisher = await processes.start("torrent", { port: hub.port, kept: KEPT });
      // Somebody wants everything already, so that all of it crosses the hub.
      const early = await processes.start("gauge", {
        ...{ port: hub.port, label: "early", target: "torrent", pattern: "n" },
      });
      await publisher.event("subscribed");
      await publisher.ask("rush", { paced });
      const late = await processes.start("gauge", {
        ...{ port: hub.port, label: "late", target: "torrent" },
      });
      const account = () => late.ask("account", {}, PATIENCE) as Promise<Account>;
      const subscribed = await publisher.event("subscribed", ({ label }) => label === "late");
      await eventually(async () => (await account()).live > 50_000, PATIENCE);
      const sequence = Number(await publisher.ask("stop", {}, PATIENCE));
      await eventually(async () => (await account()).last >= sequence, PATIENCE);

      const { live, first, last, missed, ...rest } = await account();
      expect(rest).toEqual({
        ...{ replayed: KEPT, subjects: KEPT, replayedMissed: 0 },
        ...{ disordered: 0, toolow: 0, toohigh: 0 },
        ...{ resumed: 0, missedWhileAway: 0, subscription: missed },
      });
      // Nothing from when the publisher heard of it is missing and not counted.
      expect(first).toBeLessThanOrEqual(Number(subscribed.sequence) + 1);
      expect(last).toBe(sequence);
      expect(live + missed).toBeGreaterThanOrEqual(last - first + 1);
      for (const each of [publisher, early, late]) expect(each.told("inactive")).toEqual([]);
      expect(await hub.ask("lost")).toEqual([]);
    },
  );
});
