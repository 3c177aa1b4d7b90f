// The hub dies without a word and comes back, and everybody with it.
// Promises 3, 4, 9, 10, 11 (identities), 13 (interest is sent again), 19 (nothing twice).

import { describe, expect, it } from "vitest";
import { rejection } from "../helpers/eventually.js";
import { freePort } from "../helpers/ports.js";
import { type FixtureEvent, type FixtureProcess, useProcesses } from "../helpers/processes.js";
import { stretched } from "../helpers/time.mjs";

const processes = useProcesses();
const RESTARTS = 10;

const about =
  (status: string, name: string) =>
  (event: FixtureEvent): boolean =>
    event.status === status && event.name === name;

describe("a hub that is killed and restarted ten times", { timeout: stretched(90_000) }, () => {
  it("gets every client back, each service announced once and under its old identity (4, 11)", async () => {
    const port = await freePort();
    let hub = await processes.start("hub", { port });
    const names = ["a", "b", "c"];
    const clients = new Map<string, FixtureProcess>();
    const identities = new Map<string, unknown>();
    for (const name of names) {
      const client = await processes.start("client", { port, label: name });
      clients.set(name, client);
      identities.set(name, await client.ask("provide", { name }));
      await client.ask("watch");
    }
    const each = async (run: (client: FixtureProcess, name: string) => Promise<unknown>) => {
      await Promise.all([...clients].map(([name, client]) => run(client, name)));
    };
    const everybodyThere = (lives: number) =>
      each(async (client, own) => {
        for (const name of names.filter((name) => name !== own)) {
          await client.several("change", lives, about("available", name));
        }
      });
    await everybodyThere(1);

    const began = performance.now();
    for (let restart = 1; restart <= RESTARTS; restart++) {
      hub.kill();
      await hub.exit();
      await each(async (client, name) => {
        await client.several("inactive", restart);
        // What is local goes on; what was remote is gone at once, and says so.
        const call = { service: name, method: "whoami" };
        expect(await client.ask("call", call)).toBe(client.id);
        const other = names.find((other) => other !== name);
        expect(
          await rejection(client.ask("call", { service: other, method: "whoami" })),
        ).toMatchObject({ code: "no-service", delivered: "no" });
      });
      hub = await processes.start("hub", { port });
      await everybodyThere(restart + 1);
      await each(async (client) => {
        for (const [name, provider] of clients) {
          const call = { service: name, method: "whoami" };
          expect(await client.ask("call", call)).toBe(provider.id);
        }
      });
      for (const name of names) {
        await hub.event("change", about("available", name));
        expect(hub.told("change", about("available", name))).toMatchObject([
          { identity: identities.get(name) },
        ]);
      }
      expect(hub.told("change", ({ status }) => status === "withdrawn")).toEqual([]);
    }
    const milliseconds = (performance.now() - began) / RESTARTS;
    console.log(`hub killed and restarted: everybody back in ${milliseconds.toFixed(0)} ms each`);

    await each(async (client, own) => {
      for (const name of names) {
        const told = client.told("change", (event) => event.name === name);
        expect(new Set(told.map(({ identity }) => identity))).toEqual(
          new Set([identities.get(name)]),
        );
        const lives = name === own ? 1 : RESTARTS + 1;
        const expected = Array.from({ length: 2 * lives - 1 }, (_, index) =>
          index % 2 === 0 ? "available" : "withdrawn",
        );
        expect(told.map(({ status }) => status)).toEqual(expected);
      }
      expect(client.told("active")).toHaveLength(RESTARTS + 1);
      expect(client.told("warning")).toEqual([]);
      client.end();
      expect(await client.exit()).toEqual({ code: 0, signal: null });
    });
  });
});

describe("a hub that is killed and restarted", () => {
  it("withdraws before it tells `inactive`, and announces before it tells `active` (3, 4)", async () => {
    const port = await freePort();
    const client = await processes.start("client", { port });
    await client.ask("watch");
    const services = ["one"];
    const hub = await processes.start("hub", { port, services });
    await client.event("active");
    hub.kill();
    await client.event("inactive");
    const again = await processes.start("hub", { port, services });
    await client.several("active", 2);
    const told = client.events
      .filter(({ event, status }) =>
        event === "change" ? status !== "current" : ["active", "inactive"].includes(event),
      )
      .map(({ event, status, name }) => (event === "change" ? `${name} ${status}` : event));
    const up = ["one available", "active"];
    const down = ["one withdrawn", "inactive"];
    expect(told).toEqual([...up, ...down, ...up]);
    expect(client.told("inactive")).toMatchObject([
      { reason: { code: "connection-lost" }, peer: { process: hub.id } },
    ]);
    expect(client.told("active")).toMatchObject([{}, { peer: { process: again.id } }]);
  });

  it("says goodbye if it is closed, not killed (4)", async () => {
    const port = await freePort();
    const hub = await processes.start("hub", { port });
    const client = await processes.start("client", { port });
    await client.event("active");
    await hub.event("active");
    hub.end();
    expect(await hub.exit()).toEqual({ code: 0, signal: null });
    expect(await client.event("inactive")).toMatchObject({ reason: { code: "peer-closed" } });
    expect(hub.told("inactive")).toMatchObject([{ reason: { code: "closed" } }]);
    await processes.start("hub", { port });
    await client.several("active", 2);
  });

  it("costs a subscription nothing but what was published meanwhile, and repeats nothing (13, 19)", async () => {
    const port = await freePort();
    let hub = await processes.start("hub", { port });
    const provider = await processes.start("client", { port, label: "provider" });
    const user = await processes.start("client", { port, label: "user" });
    await provider.ask("provide", { name: "meter" });
    await user.ask("subscribe", { target: "meter" });
    const publish = (content: number, subject: string) =>
      provider.ask("publish", { name: "meter", subject, content, lifetime: "forever" });
    await publish(1, "kept");
    await publish(2, "live");
    await user.several("report", 2);
    for (let life = 2; life <= 4; life++) {
      hub.kill();
      await provider.several("inactive", life - 1);
      await user.several("inactive", life - 1);
      await publish(10 * life, "live"); // into the void, but kept
      hub = await processes.start("hub", { port });
      await user.event("report", ({ content }) => content === 10 * life);
      await publish(10 * life + 1, "live");
      await user.event("report", ({ content }) => content === 10 * life + 1);
    }
    expect(user.told("report").map(({ content }) => content)).toEqual([
      1, 2, 20, 21, 30, 31, 40, 41,
    ]);
    expect(user.told("report").map(({ resumed }) => resumed)).toEqual([
      ...[false, false, true, false],
      ...[true, false, true, false],
    ]);
  });
});
