// The Unix socket beside a loopback address: clients of the same machine go by it unless told not
// to, and come back by it. Promises 3, 4 and the option `tcpOnly`.

import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { EXCHANGE_CLIENT, EXCHANGE_SERVER, Exchange, Registry, Service } from "netsvc";
import { afterEach, describe, expect, it } from "vitest";
import { eventually, within } from "../helpers/eventually.js";
import { useProcesses } from "../helpers/processes.js";

const processes = useProcesses();
const registries: Registry[] = [];
afterEach(async () => {
  await Promise.all(registries.splice(0).map((registry) => registry.close()));
});

function registry(): Registry {
  const made = new Registry({ log: "off" });
  registries.push(made);
  return made;
}

/** Connections of this machine that came by the Unix socket beside that port of 127.0.0.1. */
function byLoopback(port: number): number {
  const sockets = readFileSync("/proc/net/unix", "utf8").split("\n");
  const named = sockets.filter((line) => line.endsWith(` @netsvc/127.0.0.1:${port}`));
  return named.filter((line) => line.split(/\s+/)[5] === "03").length; // connected
}

describe.runIf(process.platform === "linux")("the Unix socket beside a loopback address", () => {
  it("is taken to a loopback address: all works, and after the hub was killed again (3, 4)", async () => {
    const { port, kill } = await hub();
    const provider = await processes.start("client", { port, label: "provider", tcpOnly: false });
    const user = await processes.start("client", { port, label: "user", tcpOnly: false });
    await Promise.all([provider, user].map((client) => client.event("active")));
    expect(byLoopback(port)).toBe(2);
    await provider.ask("provide", { name: "meter" });
    const call = { service: "meter", method: "whoami", wait: true };
    expect(await user.ask("call", call)).toBe(provider.id);
    await user.ask("subscribe", { target: "meter" });
    await provider.event("subscribed");
    await provider.ask("publish", { name: "meter", subject: "s", content: "x".repeat(900_000) });
    await user.event("report");

    kill();
    await Promise.all([provider, user].map((client) => client.event("inactive")));
    await processes.start("hub", { port });
    await Promise.all([provider, user].map((client) => client.event("active")));
    expect(await user.ask("call", call)).toBe(provider.id);
    expect(byLoopback(port)).toBe(2);
  });

  it("is not taken by who wants TCP, nor offered by a hub that does", async () => {
    const open = new Exchange(EXCHANGE_SERVER, { registry: registry() });
    const { port } = await open.listen(0, { host: "127.0.0.1" });
    const only = new Exchange(EXCHANGE_SERVER, { registry: registry(), group: "tcp" });
    const other = await only.listen(0, { host: "127.0.0.1", tcpOnly: true });
    const client = registry();
    const wanting = new Exchange(EXCHANGE_CLIENT, { registry: client });
    const offered = new Exchange(EXCHANGE_CLIENT, { registry: client, group: "tcp" });
    await within(wanting.connect("127.0.0.1", port, 0.05, { tcpOnly: true }).ready);
    await within(offered.connect({ ...other, retry: 0.05, tcpOnly: false }).ready);
    expect(byLoopback(port)).toBe(0);
    expect(byLoopback(other.port)).toBe(0);
    new Service("here", { registry: client });
    await eventually(() => open.links.length === 1 && only.links.length === 1);
  });

  it("shows the hub its own address, for the client has none", async () => {
    const addresses: string[] = [];
    const guarded = new Exchange(EXCHANGE_SERVER, {
      registry: registry(),
      authorise: ({ address }) => addresses.push(address) > 0,
    });
    const { port } = await guarded.listen(0);
    const link = new Exchange(EXCHANGE_CLIENT, { registry: registry() }).connect({
      ...{ host: "127.0.0.1", port, tcpOnly: false },
    });
    await within(link.ready);
    expect(addresses).toEqual([`127.0.0.1:${port}`]);
    expect(link.peer?.address).toBe(`127.0.0.1:${port}`);
  });

  async function hub(): Promise<{ port: number; kill: () => void }> {
    const started = await processes.start("hub", { port: 0 });
    return { port: started.ready.port as number, kill: () => started.kill() };
  }
});

const ipv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === "::1"),
);

it.runIf(ipv6)("an address of IPv6 in brackets, as in URLs, is that address", async () => {
  const hub = new Exchange(EXCHANGE_SERVER, { registry: registry() });
  const { host, port } = await hub.listen(0, { host: "[::1]" });
  expect(host).toBe("::1");
  const client = new Exchange(EXCHANGE_CLIENT, { registry: registry() });
  await within(client.connect("[::1]", port).ready);
});
