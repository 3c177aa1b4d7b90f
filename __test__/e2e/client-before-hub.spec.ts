// A client may start before its hub, and finds it by itself.
// Promises 1 (retry), 3 (ready), 4 (failed attempts are told), 10 and 13 (watches and subscriptions
// are in force from the call), 14 (`wait`).

import { describe, expect, it } from "vitest";
import { freePort } from "../helpers/ports.js";
import { useProcesses } from "../helpers/processes.js";

const processes = useProcesses();

describe("a client that started before the hub", () => {
  it("is connected about a retry period after the hub starts (1, 3)", async () => {
    const port = await freePort();
    const client = await processes.start("client", { port, retry: 0.4 });
    const ready = client.ask("ready");
    const attempts = await client.several("attemptFailed", 4);
    expect(attempts).toMatchObject(
      [1, 2, 3, 4].map((attempt) => ({
        attempt,
        retryIn: 0.4,
        reason: { code: "connect-failed" },
      })),
    );

    const hub = await processes.start("hub", { port });
    const listening = performance.now();
    const active = await client.event("active");
    const milliseconds = performance.now() - listening;
    console.log(`client before hub, retry 400 ms: active after ${milliseconds.toFixed(0)} ms`);
    expect(active).toMatchObject({ peer: { process: hub.id, label: "hub" } });
    await ready;
    expect(await hub.event("active")).toMatchObject({ peer: { process: client.id } });

    client.end();
    expect(await client.exit()).toEqual({ code: 0, signal: null });
    expect(client.told("warning")).toEqual([]);
    // The operator hears of the outage once, not of each attempt.
    expect(client.stderr.trim().split("\n")).toHaveLength(1);
  });

  it("tries at once and then at least four times a second when no retry is given (1)", async () => {
    const port = await freePort();
    const client = await processes.start("client", { host: "localhost", port, retry: null });
    const [first, ...further] = await client.several("attemptFailed", 6);
    expect(Number(first?.retryIn)).toBeLessThanOrEqual(0.1);
    for (const { retryIn } of further) {
      expect(Number(retryIn)).toBeGreaterThanOrEqual(0.125);
      expect(Number(retryIn)).toBeLessThanOrEqual(0.25);
    }
    await processes.start("hub", { port });
    await client.event("active");
  });

  it("gives up after one attempt with retry -1, and the process ends (1, 3, 6)", async () => {
    const client = await processes.start("client", { port: await freePort(), retry: -1 });
    const failed = await client.event("attemptFailed");
    expect(failed).toMatchObject({ attempt: 1, reason: { code: "connect-failed" } });
    expect(failed.retryIn).toBeUndefined();
    expect(await client.exit()).toEqual({ code: 0, signal: null });
  });

  it("says by `ready` why its only attempt failed (3)", async () => {
    const scenario = "`ready` of an only attempt";
    const client = await processes.start("exit", { scenario, port: await freePort() });
    expect(await client.event("settled")).toMatchObject({
      name: "LinkError",
      code: "closed",
      cause: { code: "connect-failed" },
    });
    expect(await client.exit()).toEqual({ code: 0, signal: null });
  });

  it("gets everything it asked for meanwhile, once the hub is there (10, 13, 14)", async () => {
    const port = await freePort();
    const user = await processes.start("client", { port, label: "user" });
    await user.ask("watch", { filter: "meter" });
    await user.ask("subscribe", { target: "meter" });
    const answer = user.ask("call", {
      ...{ service: "meter", method: "echo", args: [7] },
      ...{ wait: true, timeout: 20 },
    });
    const handle = user.ask("waitFor", { name: "meter", timeout: 20 });
    await user.several("attemptFailed", 2);

    const provider = await processes.start("client", { port, label: "provider" });
    const identity = await provider.ask("provide", { name: "meter" });
    await provider.ask("publish", {
      ...{ name: "meter", subject: "s", content: 1, lifetime: "forever" },
    });
    await processes.start("hub", { port });
    expect(await answer).toBe(7);
    expect(await handle).toBe("meter");
    expect(await user.event("report")).toMatchObject({ identity, content: 1, missed: 0 });
    expect(user.told("change")).toMatchObject([{ status: "current" }, { status: "available" }]);
  });
});
