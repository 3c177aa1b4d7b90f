// Worker threads: each has a default registry of its own, and may end at any moment.
// The word "process" of the design, and its dangers at the border: terminated under traffic, a
// worker is a lost link at the hub and nothing worse.

import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { type FixtureEvent, useProcesses } from "../helpers/processes.js";
import { stretched } from "../helpers/time.mjs";

const processes = useProcesses();

const label = ({ peer }: FixtureEvent) => (peer as { label: string }).label;

describe("worker threads", { timeout: stretched(60_000) }, () => {
  it("are processes of their own, one default registry each (8)", async () => {
    const hub = await processes.start("hub");
    const host = await processes.start("workers", { port: hub.port, workers: 3 });
    const workers = host.ready.workers as { id: string; label: string }[];
    expect(new Set(workers.map(({ id }) => id)).size).toBe(3);
    const prefix = `${hostname().slice(0, 200)}:${host.pid}#w`;
    for (const worker of workers) expect(worker.label.startsWith(prefix)).toBe(true);
    const active = await hub.several("active", 3);
    expect(active.map(label).sort()).toEqual(workers.map(({ label }) => label).sort());
    expect(await hub.ask("call", { service: "worker 2", method: "echo", args: [5] })).toBe(5);

    host.end();
    expect(await host.exit()).toEqual({ code: 0, signal: null });
    expect(host.stderr).toBe("");
    await hub.several("inactive", 3, ({ reason }) => {
      return (reason as { code: string }).code === "peer-closed";
    });
  });

  it("are terminated under traffic ten times: the hub sees the loss, the others go on", async () => {
    const hub = await processes.start("hub");
    const host = await processes.start("workers", { port: hub.port, workers: 3 });
    const user = await processes.start("client", { port: hub.port, label: "user" });
    await user.ask("watch", { filter: "worker 1" });
    await user.event("change", ({ status }) => status === "available");
    await user.ask("tally", { target: "worker 2" });
    for (let life = 1; life <= 10; life++) {
      await user.ask("tallyReached", { count: 100 * life }); // there is traffic
      await host.ask("terminate", { number: 1 });
      await hub.several("inactive", life);
      await user.several("change", life, ({ status }) => status === "withdrawn");
      const call = { service: "worker 2", method: "echo", args: [life] };
      expect(await user.ask("call", call)).toBe(life);
      await host.ask("start", { number: 1 });
      await user.several("change", life + 1, ({ status }) => status === "available");
    }
    expect(hub.told("inactive")).toHaveLength(10);
    expect(host.told("workerError")).toEqual([]);
    host.end();
    expect(await host.exit()).toEqual({ code: 0, signal: null });
  });
});
