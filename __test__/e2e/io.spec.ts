// Where sockets are read: on Node's event loop, or on netsvc's own thread.

import { EXCHANGE_CLIENT, Exchange, Registry, Service } from "netsvc";
import { describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { useNetwork } from "../helpers/network.js";

const network = useNetwork();
const possible = process.platform === "win32" ? "thread" : "loop";

describe("where sockets are read", () => {
  it("is the event loop by default, where that is possible", () => {
    const mode = process.env.NETSVC_IO === "thread" ? "thread" : possible;
    expect(new Registry().io).toBe(mode);
  });

  it("may differ between registries of one process, which talk to each other as ever", async () => {
    const hub = await network.hub();
    const registries = (["auto", "thread"] as const).map((io) => new Registry({ io, log: "off" }));
    expect(registries.map(({ io }) => io)).toEqual([possible, "thread"]);
    for (const registry of registries) {
      const link = new Exchange(EXCHANGE_CLIENT, { registry }).connect("127.0.0.1", hub.port, 0.05);
      await link.ready;
      new Service(registry.id, { registry, methods: { echo: (_, n) => n } });
    }
    const [first, second] = registries as [Registry, Registry];
    for (const [from, to] of [
      [first, second],
      [second, first],
    ] as const) {
      const remote = await from.waitFor(to.id, { timeout: 5 });
      for (let n = 0; n < 50; n++) expect(await remote.call("echo", [n])).toBe(n);
    }
    await Promise.all(registries.map((registry) => registry.close()));
    await eventually(() => hub.hub.links.length === 0);
  });

  it("leaves the application its turns of the event loop while much arrives", async () => {
    const hub = await network.hub();
    const client = await network.client(hub);
    const service = new Service("much", { registry: hub.registry });
    const size = 16 << 10;
    const count = 1000;
    let [reports, inTurn, most, turns] = [0, 0, 0, 0];
    client.registry.subscribe("much", "*", () => {
      reports += 1;
      inTurn += size;
      most = Math.max(most, inTurn);
    });
    await eventually(() => service.subscribers.length === 1);
    const content = new Uint8Array(size);
    for (let n = 0; n < count; n++) service.publish("s", content);
    while (reports < count) {
      await new Promise((resolve) => setImmediate(resolve));
      inTurn = 0;
      turns += 1;
    }
    // A turn has up to three wake-ups, of 256 KiB each and little more.
    expect(most).toBeLessThanOrEqual(1 << 20);
    expect(turns).toBeGreaterThanOrEqual((count * size) / (1 << 20));
  });
});
