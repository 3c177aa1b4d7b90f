// OSE's acceptance list, D14 to D26: who sees which services, and when.

import { type Change, type Exchange, Service } from "netsvc";
import { describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { type Member, useNetwork } from "../helpers/network.js";
import { freePort } from "../helpers/ports.js";
import { type FixtureProcess, useProcesses } from "../helpers/processes.js";

const network = useNetwork();
const processes = useProcesses();

/** Changes as words: `available A`, `joined A g`; marks left out. */
function words(changes: readonly Change[]): string[] {
  return changes
    .filter(({ status }) => status !== "current")
    .map(({ status, service, group }) => [status, service.name, group ?? []].flat().join(" "));
}

/** A hub and so many clients, linked. */
async function star(clients: number) {
  const hub = await network.hub();
  const members = await Promise.all(
    Array.from({ length: clients }, (_, n) => network.client(hub, { label: `C${n + 1}` })),
  );
  const [C1, C2 = C1] = members;
  if (C1 === undefined || C2 === undefined) throw new Error("no clients");
  return { hub, C1, C2 };
}

/** What was sent before reached everybody: up to the hub, and down again. */
async function settled(...exchanges: Exchange[]): Promise<void> {
  for (let round = 0; round < 2; round++) {
    await Promise.all(exchanges.map((exchange) => exchange.flush({ timeout: 10 })));
  }
}

describe("services that come and go", () => {
  it("D14 a client that connects is told of what the hub has (9, 10)", async () => {
    const hub = await network.hub();
    const service = new Service("A", { registry: hub.registry });
    const client = network.connecting(hub.port);
    const changes = client.watch("A");
    await client.link.ready;
    await eventually(() => words(changes).length > 0);
    await client.flush();
    const told = changes.filter(({ status }) => status !== "current");
    expect(told).toMatchObject([
      { status: "available", service: { name: "A", identity: service.identity } },
    ]);
  });

  it("D15 a client's service is seen by the hub and by the other clients (9)", async () => {
    const { hub, C1, C2 } = await star(2);
    const service = new Service("B", { registry: C1.registry });
    for (const member of [hub, C2]) {
      await member.sees("B");
      expect(member.registry.lookup("B")).toMatchObject([
        { identity: service.identity, process: C1.id, local: false },
      ]);
    }
  });

  it("D16 a closed service is withdrawn everywhere, exactly once (10)", async () => {
    const { hub, C1, C2 } = await star(2);
    const changes = [hub, C2].map((member) => member.watch("B"));
    const service = new Service("B", { registry: C1.registry });
    await eventually(() => changes.every((each) => words(each).length === 1));
    service.close();
    await settled(C1.client, C2.client);
    await eventually(() => changes.every((each) => words(each).length >= 2));
    for (const each of changes) expect(words(each)).toEqual(["available B", "withdrawn B"]);
  });

  it("D17 who joins last sees all there is, with its groups, each once (9, 10)", async () => {
    const { hub, C1 } = await star(1);
    for (const [name, { registry }, groups] of [
      ["A", hub, ["g", "h"]],
      ["B", C1, ["g"]],
      ["C", C1, []],
    ] as const) {
      new Service(name, { registry, groups });
    }
    await hub.sees("C");
    const C2 = network.connecting(hub.port, { label: "C2" });
    const changes = C2.watch();
    await C2.link.ready;
    await settled(C2.client);
    await eventually(() => words(changes).length >= 6);
    expect(words(changes).sort()).toEqual([
      ...["available A", "available B", "available C"],
      ...["joined A g", "joined A h", "joined B g"],
    ]);
    for (const name of ["A", "B"]) {
      const own = words(changes).filter((text) => text.split(" ")[1] === name);
      expect(own[0]).toBe(`available ${name}`);
    }
    expect(C2.registry.lookup({ group: "g" }).map(({ name }) => name)).toEqual(["A", "B"]);
  });

  it("D18 all services of a killed client are withdrawn, group leaves first (4, 9)", async () => {
    const hub = await network.hub();
    const C1 = await processes.start("client", { port: hub.port, label: "C1" });
    const C2 = await network.client(hub);
    const order: string[][] = [[], []];
    for (const [n, member] of [hub, C2].entries()) {
      member.registry.watch(undefined, ({ status, service, group }) => {
        if (!service.local) order[n]?.push([status, service.name, group ?? []].flat().join(" "));
      });
    }
    hub.hub.on("inactive", ({ peer }) => order[0]?.push(`inactive ${peer?.label}`));
    for (const name of ["A", "B"]) await C1.ask("provide", { name, groups: ["g"] });
    await eventually(() => order.every((each) => each.includes("joined B g")));
    for (const each of order) each.length = 0;
    C1.kill();
    await eventually(() => order[0]?.includes("inactive C1"));
    await eventually(() => order[1]?.length === 4);
    const [atHub = [], atC2 = []] = order;
    expect(atHub.at(-1)).toBe("inactive C1");
    for (const each of [atHub.slice(0, -1), atC2]) {
      expect(each.slice(0, 2).sort()).toEqual(["left A g", "left B g"]);
      expect(each.slice(2).sort()).toEqual(["withdrawn A", "withdrawn B"]);
    }
  });

  it("D19 a killed hub takes what is remote, and brings it back the same (11)", async () => {
    const port = await freePort();
    const start = () => processes.start("hub", { port, services: ["at hub"] });
    let hub: FixtureProcess = await start();
    const C1 = await network.client(port, { label: "C1" });
    const C2 = await network.client(port, { label: "C2" });
    const own = new Service("own", { registry: C1.registry });
    const other = new Service("other", { registry: C2.registry });
    await C1.sees("other");
    const before = C1.registry.lookup("at hub");
    const changes = C1.watch();
    await eventually(() => words(changes).length === 3);
    changes.length = 0;
    hub.kill();
    await eventually(() => C1.events("inactive").length === 1);
    await eventually(() => changes.length === 2);
    expect(words(changes).sort()).toEqual(["withdrawn at hub", "withdrawn other"]);
    expect(C1.registry.lookup()).toMatchObject([{ identity: own.identity, local: true }]);
    changes.length = 0;
    hub = await start();
    await C1.sees("other");
    await eventually(() => changes.length === 2);
    expect(words(changes).sort()).toEqual(["available at hub", "available other"]);
    expect(C1.registry.lookup("other")).toMatchObject([{ identity: other.identity }]);
    // The hub's own service is another one: its process is.
    expect(C1.registry.lookup("at hub")[0]?.identity).not.toBe(before[0]?.identity);
    expect(C1.registry.lookup("at hub")).toMatchObject([{ process: hub.id }]);
  });
});

describe("names, audiences and groups", () => {
  it("D20 two services of one name are two, and one leaves without the other", async () => {
    const { hub, C1, C2 } = await star(2);
    const [one, two] = [C1, C2].map(({ registry }) => new Service("X", { registry }));
    await hub.sees("X", 2);
    expect(
      hub.registry
        .lookup("X")
        .map(({ identity }) => identity)
        .sort(),
    ).toEqual([one?.identity, two?.identity].sort());
    expect(new Set(hub.registry.lookup("X").map(({ process }) => process)).size).toBe(2);
    one?.close();
    await hub.sees("X", 1);
    expect(hub.registry.lookup("X")).toMatchObject([{ identity: two?.identity }]);
    await C1.sees("X", 1);
  });

  it.each(["hub", "C1"] as const)(
    'D21 a service of %s with audience "" is seen in its own process alone (9)',
    async (where) => {
      const { hub, C1, C2 } = await star(2);
      const home: Member = where === "hub" ? hub : C1;
      const others = [hub, C1, C2].filter((member) => member !== home);
      const changes = others.map((member) => member.watch("private"));
      const service = new Service("private", {
        ...{ registry: home.registry, audience: "", groups: ["g"] },
        methods: { secret: () => 1 },
      });
      // What is announced after it arrives; it does not.
      new Service("public", { registry: home.registry });
      for (const member of others) await member.sees("public");
      const late = await network.client(hub);
      expect(home.registry.lookup("private")).toMatchObject([{ identity: service.identity }]);
      for (const member of [...others, late]) {
        expect(member.registry.lookup({ group: "g" })).toEqual([]);
        const call = member.registry.service({ identity: service.identity }).call("secret");
        await expect(call).rejects.toMatchObject({ code: "no-service" });
      }
      expect(changes.flatMap(words)).toEqual([]);
      expect(await home.registry.service("private").call("secret")).toBe(1);
    },
  );

  it("D22 joining and leaving a group later is told; the service stays (10)", async () => {
    const { C1, C2 } = await star(2);
    const service = new Service("A", { registry: C1.registry });
    await C2.sees("A");
    const group = C2.watch({ group: "g" });
    const name = C2.watch("A");
    expect(service.join("g")).toBe(true);
    await eventually(() => words(group).includes("joined A g"));
    expect(C2.registry.lookup({ group: "g" })).toMatchObject([{ identity: service.identity }]);
    expect(service.leave("g")).toBe(true);
    await eventually(() => words(group).includes("left A g"));
    expect(C2.registry.lookup({ group: "g" })).toEqual([]);
    await C2.sees("A");
    expect(words(name).filter((text) => /available|withdrawn/.test(text))).toEqual(["available A"]);
  });

  it("D23 who watches late is told what exists, asynchronously (10)", async () => {
    const { C1, C2 } = await star(2);
    const service = new Service("A", { registry: C1.registry, groups: ["g"] });
    await C2.sees("A");
    for (const filter of [undefined, "A", { group: "g" }, { identity: service.identity }]) {
      const changes = C2.watch(filter);
      expect(changes).toEqual([]);
      await eventually(() => changes.at(-1)?.status === "current");
      expect(words(changes)).toContain(
        typeof filter === "object" && "group" in filter ? "joined A g" : "available A",
      );
      expect(changes.slice(0, -1).every(({ replayed }) => replayed)).toBe(true);
    }
  });

  it("D23 (deviation) the address is the identity; of an unknown one only `current` is told", async () => {
    const { C1, C2 } = await star(2);
    const changes = C2.watch({ identity: `${C1.id}.77` });
    await eventually(() => changes.length > 0);
    await settled(C1.client, C2.client);
    expect(changes.map(({ status }) => status)).toEqual(["current"]);
    expect(C2.registry.lookup({ identity: `${C1.id}.77` })).toEqual([]);
  });
});

/** The two agents of OSE's manual, which know nothing of exchanges. */
function timePublisher({ registry }: Member): { publisher: Service; stop(): void } {
  const publisher = new Service("polling", { registry });
  publisher.publish("system.ctime", "at the start", { lifetime: Number.POSITIVE_INFINITY });
  let ticks = 0;
  const timer = setInterval(() => publisher.publish("system.time", ++ticks), 50);
  return { publisher, stop: () => clearInterval(timer) };
}

describe("the same agents in one process or in several", () => {
  it.each(["one process", "two clients", "hub and client"])(
    "D24 publisher and subscriber in %s: the kept report once, the others as they come (13, 19)",
    async (where) => {
      const { hub, C1, C2 } = await star(2);
      const from: Member = where === "hub and client" ? hub : C1;
      const to: Member = where === "one process" ? C1 : C2;
      const { stop } = timePublisher(from);
      await to.sees("polling");
      const { reports } = to.subscribe("polling", "system.*");
      const times = () => reports.filter(({ subject }) => subject === "system.time");
      await eventually(() => times().length >= 5);
      stop();
      expect(reports[0]).toMatchObject({ subject: "system.ctime", content: "at the start" });
      expect(reports.filter(({ subject }) => subject === "system.ctime").length).toBe(1);
      const ticks = times().map(({ content }) => Number(content));
      expect(ticks).toEqual(ticks.map((_, index) => Number(ticks[0]) + index));
    },
  );

  it("D25 a thousand requests at once each get their own answer (12, 15)", async () => {
    const { C1, C2 } = await star(2);
    new Service("A", {
      registry: C1.registry,
      // Out of order: later ones first.
      methods: { echo: (_, n) => new Promise((done) => setTimeout(done, (Number(n) * 7) % 50, n)) },
    });
    await C2.sees("A");
    const remote = C2.registry.service("A");
    const numbers = Array.from({ length: 1_000 }, (_, n) => n);
    const answers = await Promise.all(
      numbers.map((n) => remote.call("echo", [n], { timeout: 20 })),
    );
    expect(answers).toEqual(numbers);
  });

  it("D26 who has no service of its own is answered all the same (9)", async () => {
    const { C1, C2 } = await star(2);
    new Service("A", { registry: C1.registry, methods: { caller: ({ caller }) => caller.label } });
    new Service("hidden", { registry: C2.registry, audience: "" });
    await C2.sees("A");
    expect(await C2.registry.service("A").call("caller")).toBe("C2");
    expect(C1.registry.lookup("hidden")).toEqual([]);
  });

  it("D26 (deviation) a subscriber is a process, without audience: it gets reports (9, 13)", async () => {
    const { C1, C2 } = await star(2);
    new Service("hidden", { registry: C2.registry, audience: "" });
    const { reports } = C2.subscribe("A");
    const service = new Service("A", { registry: C1.registry });
    await eventually(() => service.subscribers.length === 1);
    service.publish("s", 1);
    await eventually(() => reports.length === 1);
    expect(reports[0]?.content).toBe(1);
  });
});
