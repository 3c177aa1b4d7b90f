// Callers that take all they can, or are stopped while others wait for what they have.
// Promises 15 (by its deadline at the latest), 16 (a slot is free when its handler settled), 23
// (nothing grows without a bound, and whoever asks for little gets through).

import { describe, expect, it } from "vitest";
import { canFreeze, useProcesses } from "../helpers/processes.js";
import { stretched } from "../helpers/time.mjs";

const processes = useProcesses();

async function star(limits: object = {}) {
  const { port } = await processes.start("hub");
  const provider = await processes.start("client", { port, limits, label: "provider" });
  const greedy = await processes.start("client", { port, label: "greedy" });
  const good = await processes.start("client", { port, label: "good" });
  await provider.ask("provide", { name: "meter" });
  for (const user of [greedy, good]) {
    await user.ask("watch", { filter: "meter" });
    await user.event("change", ({ status }) => status === "available");
  }
  const whoami = () => good.ask("call", { service: "meter", method: "whoami" });
  return { provider, greedy, good, whoami };
}

describe("a caller that takes all it can", () => {
  it("has half of the slots, and others find one (23)", async () => {
    const { provider, greedy, whoami } = await star({ runningRequests: 100 });
    const summary = greedy.ask("callAll", {
      ...{ service: "meter", method: "hang", times: 300, timeout: 3 },
    });
    await provider.several("hanging", 50);
    for (let n = 0; n < 20; n += 1) expect(await whoami()).toBe(provider.id);
    expect(await summary).toMatchObject({
      outcomes: { "overloaded, delivered no": 250, "deadline, delivered unknown": 50 },
    });
    expect(provider.told("hanging")).toHaveLength(50);
  });
});

describe.skipIf(!canFreeze)("a caller that is stopped", () => {
  it("keeps no handler beyond its deadline (15, 16)", async () => {
    const { provider, greedy, whoami } = await star();
    const summary = greedy.ask("callAll", {
      ...{ service: "meter", method: "hang", times: 20, timeout: 1 },
    });
    await provider.several("hanging", 20);
    await greedy.freeze();
    const aborted = await provider.several("aborted", 20, undefined, stretched(10_000));
    expect(aborted.map(({ code }) => code)).toEqual(Array(20).fill("deadline"));
    expect(await whoami()).toBe(provider.id);
    greedy.kill("SIGCONT");
    expect(await summary).toMatchObject({ outcomes: { "deadline, delivered unknown": 20 } });
  });
});

describe.skipIf(!canFreeze)("a provider that is stopped", () => {
  it("finds what has run out ended when it goes on, and tells no handler of it (15)", async () => {
    const { provider, greedy, whoami } = await star();
    await provider.freeze();
    const summary = greedy.ask("callAll", {
      ...{ service: "meter", method: "hang", times: 20, timeout: 0.5 },
    });
    expect(await summary).toMatchObject({ settled: 20 });
    provider.kill("SIGCONT");
    expect(await whoami()).toBe(provider.id);
    expect(provider.told("hanging").length).toBe(provider.told("aborted").length);
  });
});
