// What requests carry arrives as it was.
// Promises 15 (`too-large`), 23 (payload); content as docs and types say.

import { describe, expect, it } from "vitest";
import { rejection } from "../helpers/eventually.js";
import { useProcesses } from "../helpers/processes.js";

const processes = useProcesses();

async function star(of: { hub?: number; provider?: number; user?: number } = {}) {
  const limits = (payload: number | undefined) =>
    payload === undefined ? {} : { limits: { payload } };
  const hub = await processes.start("hub", limits(of.hub));
  const { port } = hub;
  const provider = await processes.start("client", { port, ...limits(of.provider) });
  await provider.ask("provide", { name: "echo" });
  const user = await processes.start("client", { port, ...limits(of.user) });
  await user.ask("waitFor", { name: "echo", timeout: 5 });
  return { hub, provider, user };
}

const MIB = 1 << 20;

describe("content", () => {
  it("comes back equal: maps, sets, dates, big integers, bytes, typed arrays, text", async () => {
    const { user } = await star();
    expect(await user.ask("roundTrip", { service: "echo" })).toEqual([]);
  });

  it("may be large: a few bytes below 1 MiB as it is, 8 MiB where the limits allow it (23)", async () => {
    const small = await star();
    expect(await small.user.ask("callBytes", { service: "echo", size: MIB - 64 })).toBe(true);
    const payload = 16 * MIB;
    const large = await star({ hub: payload, provider: payload, user: payload });
    const fields = { service: "echo", size: 8 * MIB, timeout: 20 };
    expect(await large.user.ask("callBytes", fields, 30_000)).toBe(true);
  });

  it.each([
    ["the caller", {}],
    ["the hub", { user: 16 * MIB, provider: 16 * MIB }],
    ["the provider", { user: 16 * MIB, hub: 16 * MIB }],
  ])("above the limit of %s is `too-large`, and no link suffers (15, 23)", async (_, limits) => {
    const { hub, provider, user } = await star(limits);
    expect(
      await rejection(user.ask("callBytes", { service: "echo", size: 2 * MIB })),
    ).toMatchObject({ name: "RequestError", code: "too-large", delivered: "no" });
    expect(await user.ask("callBytes", { service: "echo", size: 1000 })).toBe(true);
    for (const process of [hub, provider, user]) expect(process.told("inactive")).toEqual([]);
  });
});
