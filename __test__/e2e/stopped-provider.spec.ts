// A provider is frozen past the heartbeat deadline and thawed again, as a debugger or a suspended
// container does it.
// Promises 5 (heartbeats; after a pause, read first, then judge), 8 (the same link comes back),
// 11 (same identity), 16 (pending requests fail).

import { describe, expect, it } from "vitest";
import { canFreeze, useProcesses } from "../helpers/processes.js";

const processes = useProcesses();
const heartbeat = { interval: 0.3, dead: 1.5 };

async function star() {
  const hub = await processes.start("hub", { heartbeat });
  const { port } = hub;
  const provider = await processes.start("client", { port, heartbeat, label: "provider" });
  const user = await processes.start("client", { port, heartbeat, label: "user" });
  const identity = await provider.ask("provide", { name: "meter" });
  await user.ask("watch", { filter: "meter" });
  await user.event("change", ({ status }) => status === "available");
  return { hub, provider, user, identity };
}

describe.skipIf(!canFreeze)("a provider that is stopped for longer than `dead`", () => {
  it("is withdrawn, and returns with its identity when it goes on (5, 11)", async () => {
    const { hub, provider, user, identity } = await star();
    provider.kill("SIGSTOP");
    const stopped = performance.now();
    expect(await hub.event("inactive")).toMatchObject({
      peer: { label: "provider" },
      reason: { code: "heartbeat-lost" },
    });
    await user.event("change", ({ status }) => status === "withdrawn");
    const milliseconds = performance.now() - stopped;
    console.log(`provider stopped, dead 1500 ms: withdrawn after ${milliseconds.toFixed(0)} ms`);
    // Its last sign of life may be one interval old.
    expect(milliseconds).toBeGreaterThan((heartbeat.dead - heartbeat.interval) * 1000 - 100);
    await expect(user.ask("call", { service: "meter", method: "whoami" })).rejects.toMatchObject({
      code: "no-service",
      delivered: "no",
    });

    provider.kill("SIGCONT");
    const told = await user.several("change", 2, ({ status }) => status === "available");
    expect(told.map((change) => change.identity)).toEqual([identity, identity]);
    expect(await user.ask("call", { service: "meter", method: "whoami" })).toBe(provider.id);
    await provider.several("active", 2);
    expect(provider.told("inactive")).toHaveLength(1);
    expect(user.told("inactive")).toEqual([]);
    expect(provider.told("warning")).toEqual([]);
  });

  it("costs pending requests their `lost`, and its handlers hear of it when it goes on (16)", async () => {
    const { provider, user } = await star();
    const summary = user.ask("callAll", {
      ...{ service: "meter", method: "hang", times: 20, timeout: 60 },
    });
    await provider.several("hanging", 20);
    provider.kill("SIGSTOP");
    const stopped = performance.now();
    expect(await summary).toMatchObject({
      outcomes: { "lost, delivered unknown": 20 },
      settled: 20,
    });
    console.log(
      `provider stopped, dead 1500 ms: requests failed after ${(performance.now() - stopped).toFixed(0)} ms`,
    );
    provider.kill("SIGCONT");
    await provider.several("aborted", 20);
    await user.several("change", 2, ({ status }) => status === "available");
    expect(await user.ask("call", { service: "meter", method: "whoami" })).toBe(provider.id);
  });
});
