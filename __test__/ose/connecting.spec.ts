// OSE's acceptance list, D1 to D13: initialisation, connecting, retrying.

import { readFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { EXCHANGE_CLIENT, EXCHANGE_SERVER, Exchange, Service } from "netsvc";
import { describe, expect, it } from "vitest";
import { useCutters } from "../helpers/cutter.js";
import { eventually, passing, rejection } from "../helpers/eventually.js";
import { useNetwork } from "../helpers/network.js";
import { freePort } from "../helpers/ports.js";
import { useProcesses } from "../helpers/processes.js";
import { frame, hello, PREAMBLE, RawPeer } from "../helpers/raw-peer.js";

const network = useNetwork();
const processes = useProcesses();
const cutters = useCutters();

describe("initialisation", () => {
  it("D1 without any exchange everything works locally", async () => {
    const member = network.alone();
    const { registry } = member;
    const changes: string[] = [];
    registry.watch("local", ({ status }) => changes.push(status));
    const service = new Service("local", { registry, methods: { twice: (_, n) => Number(n) * 2 } });
    const contents: unknown[] = [];
    registry.subscribe("local", "*", ({ content }) => contents.push(content));
    service.publish("s", "said");
    expect(await registry.service("local").call("twice", [21])).toBe(42);
    await eventually(() => contents.length === 1 && changes.length === 2);
    expect(contents).toEqual(["said"]);
    expect(changes).toEqual(["current", "available"]);
    service.close();
    await eventually(() => changes.at(-1) === "withdrawn");
    expect(member.told).toEqual([]);
  });

  it("D2 a client and its hub each report exactly one active link (4)", async () => {
    const hub = await network.hub();
    const client = await network.client(hub);
    await eventually(() => hub.told.length > 0);
    await client.flush();
    expect(client.told).toMatchObject([{ event: "active", peer: { process: hub.id } }]);
    expect(hub.told).toMatchObject([{ event: "active", peer: { process: client.id } }]);
    expect(hub.hub.links.map(({ state }) => state)).toEqual(["active"]);
  });

  it("D3 a process that hosts the hub has services like any other", async () => {
    const hub = await network.hub();
    new Service("A", { registry: hub.registry, methods: { name: () => "A of the hub" } });
    const client = await network.client(hub);
    expect(client.registry.lookup("A")).toMatchObject([{ local: false, process: hub.id }]);
    expect(await client.registry.service("A").call("name")).toBe("A of the hub");
  });
});

describe("retrying", () => {
  it("D4 a client finds a hub that is started later, within about one retry (1)", async () => {
    const port = await freePort();
    const began = performance.now();
    const client = network.connecting(port, { retry: 0.5 });
    await passing(1.8);
    expect(client.link.state).not.toBe("active");
    await network.hub({ port });
    const listening = performance.now();
    await client.link.ready;
    const active = performance.now();
    // Half a second, and as much again and more for a machine that is busy.
    expect(active - listening).toBeLessThan(2_000);
    expect(client.events("attemptFailed").length).toBeGreaterThan(1);
    for (const { retryIn } of client.events("attemptFailed")) expect(retryIn).toBeCloseTo(0.5, 2);
    expect(client.link.attempt).toBeLessThanOrEqual(1 + (active - began) / 500);
  });

  it("D5 a client comes back after its hub was killed, ten times (1, 4)", async () => {
    const port = await freePort();
    let hub = await processes.start("hub", { port });
    const client = await network.client(port);
    for (let restart = 1; restart <= 10; restart++) {
      hub.kill();
      await eventually(() => client.events("inactive").length === restart);
      hub = await processes.start("hub", { port });
      await client.link.ready;
      expect(client.events("active").length).toBe(restart + 1);
      expect(client.link.peer?.process).toBe(hub.id);
    }
  });

  it("D6 local services answer throughout, with a hub or without (11)", async () => {
    const port = await freePort();
    const client = network.connecting(port);
    new Service("own", { registry: client.registry, methods: { echo: (_, n) => n } });
    let calls = 0;
    let calling = true;
    const caller = (async () => {
      while (calling) {
        expect(await client.registry.service("own").call("echo", [calls])).toBe(calls);
        calls += 1;
        await new Promise(setImmediate);
      }
    })();
    const further = async () => {
      const before = calls;
      await eventually(() => calls > before + 10);
    };
    await eventually(() => client.events("attemptFailed").length > 0);
    await further();
    const hub = await processes.start("hub", { port });
    await client.link.ready;
    await further();
    hub.kill();
    await eventually(() => client.events("inactive").length === 1);
    await further();
    await processes.start("hub", { port });
    await client.link.ready;
    await further();
    calling = false;
    await caller;
  });

  it("D7 with retry -1 one attempt is made when there is no hub (1)", async () => {
    let attempts = 0;
    const deaf = createServer((socket) => {
      attempts += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => deaf.listen(0, "127.0.0.1", resolve));
    const { port } = deaf.address() as { port: number };
    const client = network.connecting(port, { retry: -1 });
    expect(await rejection(client.link.ready)).toMatchObject({ name: "LinkError", code: "closed" });
    await passing(0.5);
    expect(attempts).toBe(1);
    expect(client.told).toMatchObject([{ event: "attemptFailed", retryIn: undefined }]);
    expect(client.link.state).toBe("closed");
    new Service("own", { registry: client.registry, methods: { alive: () => true } });
    expect(await client.registry.service("own").call("alive")).toBe(true);
    deaf.close();
  });

  it("D7 with retry -1 a lost link is told and stays lost (1, 4)", async () => {
    const hub = await network.hub();
    const cutter = await cutters.cutter(hub.port);
    const client = await network.client(cutter, { retry: -1 });
    cutter.cut();
    await eventually(() => client.link.state === "closed");
    cutter.mend();
    await passing(0.5);
    expect(client.told.map(({ event }) => event)).toEqual(["active", "inactive"]);
    expect(client.told[1]).toMatchObject({ retryIn: undefined });
    expect(cutter.accepted).toBe(1);
  });

  it("D8 (deviation) without retry the first attempts follow at once, not after 5 s (1)", async () => {
    const port = await freePort();
    const client = network.connecting(port, { retry: null });
    await eventually(() => client.events("attemptFailed").length >= 4);
    const [first, ...later] = client.events("attemptFailed").map(({ retryIn }) => Number(retryIn));
    expect(first).toBeGreaterThanOrEqual(0);
    expect(first).toBeLessThanOrEqual(0.1);
    for (const delay of later) {
      expect(delay).toBeGreaterThanOrEqual(0.125);
      expect(delay).toBeLessThanOrEqual(0.25);
    }
  });

  it("D9 the next attempt uses the address that the name has then: shown with a resolver (1)", () => {
    // The system's names cannot be changed here. What stands in their place exists in Rust only.
    const tests = new URL("../../crates/netsvc-net/tests/links/connecting.rs", import.meta.url);
    const shown = "#[test]\nfn d9_a_hub_whose_name_is_pointed_elsewhere_is_found_there()";
    expect(readFileSync(tests, "utf8").includes(shown)).toBe(true);
  });
});

describe("what goes wrong", () => {
  it("D10 a port in use is a typed error, and port 0 becomes a real one (6)", async () => {
    const hub = await network.hub();
    expect(hub.port).toBeGreaterThan(0);
    const other = network.alone().exchange(EXCHANGE_SERVER);
    expect(await rejection(other.listen(hub.port))).toMatchObject({
      name: "ListenError",
      code: "address-in-use",
    });
    await network.client(hub);
  });

  it("D11 a peer that accepts and says nothing is given up and tried again (2)", async () => {
    const sockets: Socket[] = [];
    const mute = createServer((socket) => {
      sockets.push(socket.on("error", () => {}));
    });
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
    const { port } = mute.address() as { port: number };
    const client = network.connecting(port);
    const failed = await eventually(() => client.events("attemptFailed")[0]);
    expect(failed.reason?.code).toBe("connect-timeout");
    await eventually(() => sockets.length === 2);
    for (const socket of sockets) socket.destroy();
    mute.close();
  });

  it("D12 garbage, an oversized frame and another version end their own connection (7)", async () => {
    const hub = await network.hub();
    const [client, publisher] = await Promise.all([network.client(hub), network.client(hub)]);
    const { reports } = client.subscribe("steady");
    const service = new Service("steady", { registry: publisher.registry });
    await eventually(() => service.subscribers.length === 1);
    let last = 0;
    const publishing = setInterval(() => service.publish("n", ++last), 1);
    const oversized = frame(0x01, Buffer.alloc(0));
    oversized.writeUInt32LE(0x7fff_ffff, 4);
    const version = Buffer.from(PREAMBLE);
    version.writeUInt8(9, 7);
    for (const [what, code] of [
      [Buffer.alloc(4096, "GET / "), "protocol"],
      [Buffer.concat([PREAMBLE, oversized]), "protocol"],
      [Buffer.concat([version, hello().subarray(PREAMBLE.length)]), "version"],
    ] as const) {
      const before = hub.events("attemptFailed").length;
      using peer = new RawPeer(hub.port, what);
      const failed = await eventually(() => hub.events("attemptFailed")[before]);
      expect(failed.reason?.code).toBe(code);
      await peer.end();
    }
    {
      // The same after the handshake.
      using peer = new RawPeer(hub.port);
      await peer.join();
      await eventually(() => hub.events("active").length === 3);
      peer.socket.write(oversized);
      const lost = await eventually(() => hub.events("inactive")[0]);
      expect(lost.reason?.code).toBe("protocol");
      expect(lost.peer?.label).toBe("raw");
    }
    clearInterval(publishing);
    await eventually(() => reports.length === last);
    expect(reports.map(({ content }) => content)).toEqual(reports.map((_, index) => index + 1));
    expect(client.events("inactive")).toEqual([]);
    expect(publisher.events("inactive")).toEqual([]);
  });

  it("D13 a second exchange for a group fails at once and does the first no harm (7)", async () => {
    const hub = await network.hub({ group: "G" });
    const client = await network.client(hub, { group: "G" });
    for (const { registry } of [hub, client]) {
      for (const role of [EXCHANGE_CLIENT, EXCHANGE_SERVER] as const) {
        expect(() => new Exchange(role, "G", { registry })).toThrow(
          expect.objectContaining({ name: "ExchangeError", code: "exchange-exists" }),
        );
      }
    }
    new Service("A", { registry: hub.registry, methods: { echo: (_, n) => n } });
    await client.sees("A");
    expect(await client.registry.service("A").call("echo", [1])).toBe(1);
    expect(client.told.map(({ event }) => event)).toEqual(["active"]);
  });
});
