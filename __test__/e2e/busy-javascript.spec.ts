// JavaScript that is busy in one synchronous loop for longer than `dead`.
// Promises 5 (the runtime thread keeps the link), 10 (announcements wait), 12 (order), 15 (requests
// are answered afterwards, or end by their own deadline).

import { describe, expect, it } from "vitest";
import { makeGate } from "../helpers/gate.js";
import { useProcesses } from "../helpers/processes.js";

const processes = useProcesses();
const heartbeat = { interval: 0.3, dead: 1.5 };
/** How long JavaScript is busy at least. */
const seconds = 4;

async function star() {
  const hub = await processes.start("hub", { heartbeat });
  const { port } = hub;
  const busy = await processes.start("client", { port, heartbeat, label: "busy" });
  const other = await processes.start("client", { port, heartbeat, label: "other" });
  await busy.ask("provide", { name: "busy" });
  await other.ask("waitFor", { name: "busy", timeout: 5 });
  return { hub, busy, other };
}

describe("a client whose JavaScript is busy for longer than `dead`", () => {
  it("keeps its link, hears of everything afterwards, and answers what waited (5, 10, 15)", async () => {
    const { hub, busy, other } = await star();
    await busy.ask("watch", { filter: "news" });
    await busy.ask("subscribe", { target: "news" });
    await busy.event("change", ({ status }) => status === "current");
    using gate = makeGate();
    const blocked = busy.ask("block", { seconds, until: gate.path });
    await busy.event("blocking");

    const patient = other.ask("call", { service: "busy", method: "whoami", timeout: 30 });
    await expect(
      other.ask("call", { service: "busy", method: "whoami", timeout: 0.5 }),
    ).rejects.toMatchObject({ code: "deadline", delivered: "unknown" });
    for (let round = 1; round <= 3; round++) {
      await other.ask("provide", { name: "news" });
      await other.ask("publish", { name: "news", subject: "s", content: round });
      await other.ask("withdraw", { name: "news" });
    }
    await other.ask("flush");
    // All this happened while it was busy.
    expect(busy.told("report")).toEqual([]);

    gate.open();
    await blocked;
    expect(await patient).toBe(busy.id);
    await busy.several("change", 3, ({ status }) => status === "withdrawn");
    const told = busy.events
      .filter(
        ({ event, status }) =>
          event === "report" || status === "available" || status === "withdrawn",
      )
      .map(({ event, status, content }) => (event === "report" ? content : status));
    expect(told).toEqual([1, 2, 3].flatMap((round) => ["available", round, "withdrawn"]));
    for (const process of [hub, busy, other]) expect(process.told("inactive")).toEqual([]);
  });

  it("leaves the handler of a request whose deadline passed with nobody to answer (15)", async () => {
    const { busy, other } = await star();
    const blocked = busy.ask("block", { seconds: 1 });
    await busy.event("blocking");
    await expect(
      other.ask("call", { service: "busy", method: "hang", args: ["late"], timeout: 0.2 }),
    ).rejects.toMatchObject({ code: "deadline" });
    await blocked;
    // Whether the handler still runs or not, nothing of it disturbs the next call.
    expect(await other.ask("call", { service: "busy", method: "echo", args: [1] })).toBe(1);
    expect(busy.told("warning")).toEqual([]);
  });
});

describe("a hub whose JavaScript is busy for longer than `dead`", () => {
  it("relays between its clients all the time and loses none (5, layers)", async () => {
    const { hub, busy: provider, other: user } = await star();
    using gate = makeGate();
    const blocked = hub.ask("block", { seconds, until: gate.path });
    await hub.event("blocking");
    expect(
      await user.ask("callAll", { service: "busy", method: "echo", times: 500 }),
    ).toMatchObject({ outcomes: { answered: 500 }, mismatched: 0 });
    const late = await processes.start("client", { port: hub.port, heartbeat, label: "late" });
    await late.ask("waitFor", { name: "busy", timeout: 5 });
    gate.open();
    await blocked;
    await hub.event("active", ({ peer }) => (peer as { label: string }).label === "late");
    for (const process of [hub, provider, user]) expect(process.told("inactive")).toEqual([]);
  });
});
