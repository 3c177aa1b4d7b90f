// Worker threads that are terminated whatever they are doing.

import { Service } from "netsvc";
import { describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { useNetwork } from "../helpers/network.js";
import { useProcesses } from "../helpers/processes.js";
import { stretched } from "../helpers/time.mjs";

const network = useNetwork();
const processes = useProcesses();
const ROUNDS = 20;
const WORKERS = 20;
const PATIENCE = stretched(120_000);

describe("twenty workers, terminated at random moments under traffic, twenty times", () => {
  it("neither crash nor hang, and leave no link at the hub (6, 9)", {
    timeout: 2 * PATIENCE,
  }, async () => {
    const hub = await network.hub();
    let echoes = 0;
    const echo = (_: unknown, n: unknown) => {
      echoes += 1;
      return n;
    };
    new Service("hub", { registry: hub.registry, methods: { echo } });
    hub.subscribe({ group: "workers" }, "n", { policy: "latest" });
    const workers = await processes.start("passing-workers", {
      ...{ port: hub.port, rounds: ROUNDS, workers: WORKERS },
    });
    const done = await workers.event("done", undefined, PATIENCE);
    expect(await workers.exit()).toEqual({ code: 0, signal: null });
    expect(workers.told("failed")).toEqual([]);
    expect(workers.stderr).toBe("");
    // Most were under traffic when they were terminated.
    expect(Number(done.linked)).toBeGreaterThan((ROUNDS * WORKERS) / 2);
    expect(echoes).toBeGreaterThan(Number(done.linked));

    await eventually(() => hub.hub.links.length === 0);
    expect(hub.registry.lookup().map(({ name }) => name)).toEqual(["hub"]);
    expect(hub.events("active").length).toBe(hub.events("inactive").length);
    const client = await network.client(hub);
    expect(await client.registry.service("hub").call("echo", [1])).toBe(1);
  });
});
