// The hub is frozen and thawed again.
// Promise 5: shorter than `dead`, nothing is lost; longer, the clients notice and return.

import { describe, expect, it } from "vitest";
import { passing } from "../helpers/eventually.js";
import { canFreeze, useProcesses } from "../helpers/processes.js";

const processes = useProcesses();

async function star(
  heartbeat: { interval: number; dead: number },
  hubs: { interval: number; dead: number } = heartbeat,
) {
  const hub = await processes.start("hub", { heartbeat: hubs });
  const { port } = hub;
  const provider = await processes.start("client", { port, heartbeat, label: "provider" });
  const user = await processes.start("client", { port, heartbeat, label: "user" });
  const identity = await provider.ask("provide", { name: "meter" });
  await user.ask("watch", { filter: "meter" });
  await user.event("change", ({ status }) => status === "available");
  await user.ask("subscribe", { target: "meter" });
  await provider.event("subscribed");
  return { hub, provider, user, identity };
}

describe.skipIf(!canFreeze)("a hub that is stopped", () => {
  it("loses nothing if that is shorter than `dead` (5)", async () => {
    const { hub, provider, user } = await star({ interval: 0.5, dead: 6 });
    hub.kill("SIGSTOP");
    const answer = user.ask("call", { service: "meter", method: "whoami", timeout: 20 });
    await provider.ask("publish", { name: "meter", subject: "n", times: 100 });
    await passing(2);
    hub.kill("SIGCONT");
    expect(await answer).toBe(provider.id);
    const reports = await user.several("report", 100);
    expect(reports.map(({ content }) => content)).toEqual(
      Array.from({ length: 100 }, (_, index) => index + 1),
    );
    for (const process of [hub, provider, user]) expect(process.told("inactive")).toEqual([]);
  });

  it("reads what its clients sent meanwhile before it takes one for dead (5)", async () => {
    // Stopped for twice its own `dead`, which is far below that of its clients.
    const patient = { interval: 0.3, dead: 30 };
    const { hub, provider, user } = await star(patient, { interval: 0.3, dead: 1.5 });
    hub.kill("SIGSTOP");
    await passing(3);
    hub.kill("SIGCONT");
    expect(await user.ask("call", { service: "meter", method: "whoami" })).toBe(provider.id);
    for (const process of [hub, provider, user]) expect(process.told("inactive")).toEqual([]);
  });

  it("gets its clients back if that is longer, each service announced once more (5, 11)", async () => {
    const { hub, provider, user, identity } = await star({ interval: 0.3, dead: 1.5 });
    hub.kill("SIGSTOP");
    for (const client of [provider, user]) {
      expect(await client.event("inactive")).toMatchObject({ reason: { code: "heartbeat-lost" } });
    }
    await user.event("change", ({ status }) => status === "withdrawn");
    // They keep trying to get in; the frozen hub's system accepts for it.
    await passing(1);
    hub.kill("SIGCONT");
    await provider.several("active", 2);
    await user.several("active", 2);
    await user.several("change", 2, ({ status }) => status === "available");
    expect(await user.ask("call", { service: "meter", method: "whoami" })).toBe(provider.id);
    await provider.ask("publish", { name: "meter", subject: "n", content: "again" });
    await user.event("report", ({ content }) => content === "again");
    const told = user.told("change", ({ status }) => status !== "current");
    expect(told.map(({ status }) => status)).toEqual(["available", "withdrawn", "available"]);
    expect(new Set(told.map((change) => change.identity))).toEqual(new Set([identity]));
  });
});
