// A hub that decides who may be linked. Promises 1, 2, 4, 7.

import { describe, expect, it } from "vitest";
import { type FixtureProcess, useProcesses } from "../helpers/processes.js";
import { stretched } from "../helpers/time.mjs";

const processes = useProcesses();

async function refused(label: string, hub: FixtureProcess) {
  const client = await processes.start("client", { port: hub.port, label, retry: null });
  const failed = await client.event("attemptFailed");
  expect(failed.reason).toMatchObject({ name: "LinkError", code: "denied" });
  return { client, failed };
}

describe("a hub with authorise", () => {
  it("gets the address and what the process says, and links whom it lets (4, 7)", async () => {
    const hub = await processes.start("guarded-hub");
    const client = await processes.start("client", { port: hub.port, label: "friend" });
    await client.event("active");
    const asked = await hub.event("asked");
    expect(asked).toMatchObject({ process: client.id, label: "friend", attempt: 1 });
    expect(asked.address).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(await hub.event("active")).toMatchObject({ peer: { label: "friend" } });
    await client.ask("provide", { name: "echo" });
    expect(await client.ask("call", { service: "echo", method: "echo", args: [1] })).toBe(1);
  });

  it.each([
    ["false", "refused", []],
    ["a throw", "thrown", ["secret: the list is empty"]],
    ["a rejection", "rejected", ["secret: no database"]],
    ["a refusal that is meant", "meant", []],
    [
      "no answer",
      "unanswered",
      ["authorise must return true or false; undefined refuses the link"],
    ],
  ])(
    "refuses by %s: both ends hear it, only the hub hears why (1, 4, 7)",
    async (_, label, errors) => {
      const hub = await processes.start("guarded-hub");
      const { failed } = await refused(label, hub);
      expect(JSON.stringify(failed)).not.toContain("secret");
      // It goes on trying, slowly.
      expect(failed.retryIn).toBeGreaterThan(1);
      expect(failed.retryIn).toBeLessThanOrEqual(5);
      expect(await hub.event("attemptFailed")).toMatchObject({
        ...{ reason: { code: "denied" }, peer: { label } },
      });
      expect(hub.told("callbackError").map(({ message }) => message)).toEqual(errors);
      expect(await hub.ask("links")).toBe(0);
    },
  );

  it("lets in later whom it refused first (1)", async () => {
    const hub = await processes.start("guarded-hub");
    const client = await processes.start("client", { port: hub.port, label: "refused" });
    await client.several("attemptFailed", 2);
    await hub.ask("admit", { label: "refused" });
    await client.event("active");
  });

  it("may take its time, while the links of others go on (7)", async () => {
    const hub = await processes.start("guarded-hub");
    const slow = await processes.start("client", { port: hub.port, label: "slow" });
    await hub.event("asked", ({ label }) => label === "slow");
    const friend = await processes.start("client", { port: hub.port, label: "friend" });
    await friend.event("active");
    await friend.ask("flush");
    expect(slow.told("active")).toEqual([]);
    expect(await slow.ask("state")).toBe("connecting");
    await hub.ask("decide", { may: true });
    await slow.event("active");
  });

  it("that never decides is as one that says nothing: the deadline ends it (2)", async () => {
    const hub = await processes.start("guarded-hub");
    const slow = await processes.start("client", { port: hub.port, label: "slow" });
    const failed = await slow.event("attemptFailed", undefined, stretched(15_000));
    // Both ends have the same deadline; whichever is first ends it.
    expect(["connect-timeout", "connection-lost"]).toContain(
      (failed.reason as { code: string }).code,
    );
    await hub.event("attemptFailed");
    // Too late for the first; the second attempt is asked about anew.
    await hub.several("asked", 2);
    await hub.ask("decide", { may: true });
    await slow.event("active");
  });
});
