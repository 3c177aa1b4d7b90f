// Who sees which service, calls it and gets its reports.
// Promises 9 (audience, at the hub and at every client), 7 (exchange groups), 14 and 19 (what is
// not visible does not exist).

import { describe, expect, it } from "vitest";
import { rejection } from "../helpers/eventually.js";
import { type FixtureProcess, useProcesses } from "../helpers/processes.js";

const processes = useProcesses();

/** A hub of the exchange groups "" and "plant", two clients in each. */
async function twoGroups() {
  const hub = await processes.start("hub", { groups: ["", "plant"] });
  const ports = hub.ready.ports as Record<string, number>;
  const start = async (label: string, group: string) => {
    const client = await processes.start("client", { port: ports[group], group, label });
    await client.event("active");
    return client;
  };
  return {
    hub,
    a: await start("a", ""),
    b: await start("b", ""),
    p: await start("p", "plant"),
    q: await start("q", "plant"),
  };
}

/** Names of the services that each sees, once everything sent before has been applied. */
async function seen(hub: FixtureProcess, clients: Record<string, FixtureProcess>) {
  const everybody = Object.entries({ hub, ...clients });
  // To the hub, and from there back to each: after that nothing is under way.
  for (const client of Object.values(clients)) await client.ask("flush");
  for (const client of Object.values(clients)) await client.ask("flush");
  const result: Record<string, string[]> = {};
  for (const [label, process] of everybody) {
    const services = (await process.ask("lookup")) as { name: string }[];
    result[label] = services.map(({ name }) => name).sort();
  }
  return result;
}

describe("a service is seen", () => {
  it("by all processes of its exchange group if its audience is `*` (9)", async () => {
    const { hub, a, b, p, q } = await twoGroups();
    await a.ask("provide", { name: "of a" });
    await p.ask("provide", { name: "of p" });
    await hub.ask("provide", { name: "of hub" });
    const all = await seen(hub, { a, b, p, q });
    expect(all.hub).toEqual(["of a", "of hub", "of p"]);
    for (const label of ["a", "b"]) {
      expect(all[label]).toEqual(expect.arrayContaining(["of a", "of hub"]));
    }
    for (const label of ["p", "q"]) {
      expect(all[label]).toEqual(expect.arrayContaining(["of hub", "of p"]));
    }
  });

  it("by its own process alone if its audience is empty (9, 14, 19)", async () => {
    const { hub, a, b, p, q } = await twoGroups();
    await b.ask("subscribe", { target: "private" });
    await a.ask("subscribe", { target: "private" });
    await a.ask("provide", { name: "private", audience: "" });
    await hub.ask("provide", { name: "hub's private", audience: "" });
    await a.ask("publish", { name: "private", subject: "s", content: 1, lifetime: "forever" });
    expect(await seen(hub, { a, b, p, q })).toEqual({
      ...{ hub: ["hub's private"], a: ["private"], b: [], p: [], q: [] },
    });
    expect(await a.ask("call", { service: "private", method: "whoami" })).toBe(a.id);
    for (const process of [hub, b, p]) {
      const call = process.ask("call", { service: "private", method: "whoami" });
      expect(await rejection(call)).toMatchObject({ code: "no-service", delivered: "no" });
    }
    await a.event("report");
    expect(b.told("report")).toEqual([]);
  });

  it("over the exchange group of its audience alone if it names one (9)", async () => {
    const { hub, a, b, p, q } = await twoGroups();
    await p.ask("provide", { name: "of p", audience: "plant" });
    await hub.ask("provide", { name: "of hub", audience: "plant" });
    await a.ask("provide", { name: "of a", audience: "plant" }); // which is not connected so
    expect(await seen(hub, { a, b, p, q })).toEqual({
      hub: ["of hub", "of p"],
      a: ["of a"],
      b: [],
      p: ["of hub", "of p"],
      q: ["of hub", "of p"],
    });
    expect(await q.ask("call", { service: "of p", method: "whoami" })).toBe(p.id);
    expect(await hub.ask("call", { service: "of p", method: "whoami" })).toBe(p.id);
    const call = b.ask("call", { service: "of p", method: "whoami" });
    expect(await rejection(call)).toMatchObject({ code: "no-service" });
  });

  it("complete from its first moment, with methods, groups and label, also by who comes later (9, 10)", async () => {
    const { hub, a } = await twoGroups();
    const identity = await a.ask("provide", { name: "meter", groups: ["sensors", "upstairs"] });
    await a.ask("join", { name: "meter", group: "later" });
    await a.ask("leave", { name: "meter", group: "sensors" });
    await a.ask("flush");
    const { ports } = hub.ready as unknown as { ports: Record<string, number> };
    const late = await processes.start("client", { port: ports[""], label: "late" });
    await late.event("active");
    const [info] = (await late.ask("lookup", { filter: { group: "later" } })) as object[];
    expect(info).toMatchObject({
      ...{ name: "meter", identity, audience: "*", groups: ["upstairs", "later"] },
      ...{ process: a.id, label: "a", local: false, exchangeGroup: "" },
    });
    expect(info).toHaveProperty("methods", expect.arrayContaining(["echo", "hang"]));
    expect(await late.ask("lookup", { filter: { group: "sensors" } })).toEqual([]);
  });
});

describe("two services of one name", () => {
  it("are two, and end one by one (9)", async () => {
    const { a, b, hub } = await twoGroups();
    const first = await a.ask("provide", { name: "twin" });
    await a.ask("flush");
    const second = await b.ask("provide", { name: "twin" });
    await b.ask("flush");
    const identities = async () =>
      ((await hub.ask("lookup", { filter: "twin" })) as { identity: string }[]).map(
        ({ identity }) => identity,
      );
    expect(await identities()).toEqual([first, second]); // oldest first
    await a.ask("withdraw", { name: "twin" });
    await a.ask("flush");
    expect(await identities()).toEqual([second]);
  });
});

describe("a watch", () => {
  it("tells what exists, then `current`, then each change once (10)", async () => {
    const { hub, a, b } = await twoGroups();
    await a.ask("provide", { name: "old", groups: ["g"] });
    await a.ask("flush");
    await b.ask("flush");
    await b.ask("watch");
    await b.ask("watch", { filter: { group: "g" }, mark: "group" });
    await b.event("change", ({ mark, status }) => mark === "group" && status === "current");
    await a.ask("provide", { name: "new" });
    await a.ask("join", { name: "new", group: "g" });
    await a.ask("withdraw", { name: "old" });
    a.kill();
    await hub.event("inactive");
    const told = (mark: string) =>
      b
        .told("change", (event) => event.mark === mark)
        .map(({ status, name, replayed }) => `${status} ${name}${replayed ? " (replayed)" : ""}`);
    await b.event("change", ({ status, name }) => status === "withdrawn" && name === "new");
    await b.several("change", 2, ({ mark, status }) => mark === "group" && status === "left");
    expect(told("group")).toEqual([
      ...["joined old (replayed)", "current ", "joined new", "left old", "left new"],
    ]);
    expect(told("watch")).toEqual([
      ...["available old (replayed)", "joined old (replayed)", "current "],
      ...["available new", "joined new", "left old", "withdrawn old", "left new", "withdrawn new"],
    ]);
    const revisions = b
      .told("change", ({ mark, replayed }) => mark === "watch" && !replayed)
      .map(({ revision }) => Number(revision));
    expect(revisions).toEqual([...revisions].sort((one, other) => one - other));
  });
});
