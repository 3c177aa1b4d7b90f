// What cannot be linked is refused with a reason that both ends see.
// Promises 6 (`listen` rejects), 7 (groups, second exchanges, roles), 8 (second links of one
// process), and 1 (after a refusal the next attempt comes 5 s later, or after the fixed delay).

import { describe, expect, it } from "vitest";
import { rejection } from "../helpers/eventually.js";
import { useProcesses } from "../helpers/processes.js";
import { hello, RawPeer } from "../helpers/raw-peer.js";

const processes = useProcesses();

describe("a client of another exchange group", () => {
  it("is refused: `group-mismatch` at both ends, and tries again (7)", async () => {
    const hub = await processes.start("hub", { group: "plant" });
    const stranger = await processes.start("client", { port: hub.port, group: "office" });
    const friend = await processes.start("client", { port: hub.port, group: "plant" });
    await friend.event("active");
    const refused = await stranger.several("attemptFailed", 2);
    expect(refused).toMatchObject([
      { attempt: 1, reason: { name: "LinkError", code: "group-mismatch" } },
      { attempt: 2, reason: { name: "LinkError", code: "group-mismatch" } },
    ]);
    expect(await hub.event("attemptFailed")).toMatchObject({
      reason: { code: "group-mismatch" },
      peer: { address: expect.stringContaining("127.0.0.1") },
    });
    expect(await friend.ask("state")).toBe("active");
    expect(stranger.told("active")).toEqual([]);
  });

  it("goes straight to 5 s between attempts when no retry is given (1)", async () => {
    const hub = await processes.start("hub", { group: "plant" });
    const stranger = await processes.start("client", { port: hub.port, retry: null });
    const { retryIn } = await stranger.event("attemptFailed");
    // With 50–100 % jitter.
    expect(Number(retryIn)).toBeGreaterThanOrEqual(2.5);
    expect(Number(retryIn)).toBeLessThanOrEqual(5);
  });
});

describe("a second exchange", () => {
  it("for the same group of a registry throws `exchange-exists` (7)", async () => {
    const hub = await processes.start("hub");
    const client = await processes.start("client", { port: hub.port });
    await client.event("active");
    expect(await rejection(client.ask("exchangeAgain"))).toMatchObject({
      ...{ name: "ExchangeError", code: "exchange-exists" },
    });
    expect(await client.ask("state")).toBe("active");
  });

  it("link of one exchange throws `already-connected` while the first is open (8)", async () => {
    const hub = await processes.start("hub");
    const client = await processes.start("client", { port: hub.port });
    await client.event("active");
    expect(await rejection(client.ask("connectAgain"))).toMatchObject({
      ...{ name: "ExchangeError", code: "already-connected" },
    });
    await client.ask("reconnect");
    await client.several("active", 2);
    expect(client.told("inactive")).toMatchObject([{ reason: { code: "closed" } }]);
    expect(await hub.event("inactive")).toMatchObject({ reason: { code: "peer-closed" } });
  });

  it("role is no exchange's: `listen` on a client and `connect` on a hub throw `role` (7)", async () => {
    const hub = await processes.start("hub");
    const client = await processes.start("client", { port: hub.port });
    const role = { name: "ExchangeError", code: "role" };
    expect(await rejection(client.ask("listen"))).toMatchObject(role);
    expect(await rejection(hub.ask("connect"))).toMatchObject(role);
    await client.event("active");
  });
});

describe("a second link of one process", () => {
  it("is refused: `already-connected` if it is another, `stale` if it is an older attempt (8)", async () => {
    const hub = await processes.start("hub");
    using first = new RawPeer(hub.port);
    await first.join({ attempt: 7 });
    await hub.event("active");

    using other = new RawPeer(hub.port, hello({ token: "ef".repeat(16) }));
    expect(await other.message("refuse")).toMatchObject({ code: 37 });
    await other.end();
    using older = new RawPeer(hub.port, hello({ attempt: 6 }));
    expect(await older.message("refuse")).toMatchObject({ code: 36 });
    await older.end();
    const [one, two] = await hub.several("attemptFailed", 2);
    expect([one, two]).toMatchObject([
      { reason: { code: "already-connected" } },
      { reason: { code: "stale" } },
    ]);
    expect(hub.told("inactive")).toEqual([]);
    expect(first.ended).toBe(false);
  });

  it("is refused if it claims the id of another: `identity`, and the hub is told which (8)", async () => {
    const hub = await processes.start("hub");
    const victim = await processes.start("client", { port: hub.port });
    await hub.event("active");
    using impostor = new RawPeer(hub.port, hello({ process: victim.id }));
    expect(await impostor.message("refuse")).toMatchObject({ code: 42 });
    await impostor.end();
    const failed = await hub.event("attemptFailed");
    expect(failed).toMatchObject({ reason: { code: "identity" }, peer: { process: "" } });
    expect(JSON.stringify(failed)).toContain(victim.id);
    expect(hub.told("inactive")).toEqual([]);
    expect(victim.told("inactive")).toEqual([]);
  });

  it("replaces the first, if it is a later attempt of the same: down completely, then up (4, 8)", async () => {
    const hub = await processes.start("hub");
    using first = new RawPeer(hub.port);
    await first.join({ attempt: 1 });
    await hub.event("active");
    using second = new RawPeer(hub.port);
    await second.join({ attempt: 2 });
    await hub.several("active", 2);
    expect(await first.message("goodbye")).toMatchObject({ code: 6 });
    await first.end();
    const told = hub.events.filter(({ event }) => event === "active" || event === "inactive");
    expect(told).toMatchObject([
      { event: "active" },
      { event: "inactive", reason: { code: "replaced" } },
      { event: "active" },
    ]);
  });
});

describe("`listen`", () => {
  it("rejects with `address-in-use` where somebody listens (6)", async () => {
    const hub = await processes.start("hub");
    const second = await processes.start("hub");
    expect(await rejection(second.ask("listen", { port: hub.port }))).toMatchObject({
      ...{ name: "ListenError", code: "address-in-use" },
    });
    // It goes on with what it has.
    const client = await processes.start("client", { port: second.port });
    expect(await client.event("active")).toMatchObject({ peer: { process: second.id } });
  });
});
