// The default registry, as other processes see it: its label, and its new beginning after a close.

import { configure, EXCHANGE_CLIENT, Exchange, registry, Service } from "netsvc";
import { afterEach, expect, it } from "vitest";
import { within } from "../helpers/eventually.js";
import { useProcesses } from "../helpers/processes.js";

const processes = useProcesses();

afterEach(async () => {
  await registry.close();
  configure();
});

it("is known by its label, and after a close is another process, whose services are new", async () => {
  const hub = await processes.start("hub");
  const seen = [];
  for (const label of ["first", "second"]) {
    configure({ label, log: "off" });
    const exchange = new Exchange(EXCHANGE_CLIENT);
    await within(exchange.connect("127.0.0.1", hub.port).ready);
    const { identity } = new Service("meter");
    await within(exchange.flush());
    const process = registry.id;
    expect(await hub.ask("lookup", { filter: "meter" })).toMatchObject([
      { identity, label, process },
    ]);
    seen.push(process);
    await registry.close();
    await hub.event("inactive", ({ peer }) => (peer as { label: string }).label === label);
  }
  expect(seen[0]).not.toBe(seen[1]);
});

it("is called as NETSVC_LABEL says, and further ones by its number", async () => {
  const env = { NETSVC_LABEL: "boiler" };
  const several = await processes.start("registries", { clients: 2 }, { env });
  const labels = Object.keys((await several.ask("seen")) as object);
  expect(labels).toEqual(["boiler", "boiler#2", "boiler#3"]);
});
