// Calls that are repeated while nobody can have seen them, and only then.
// Promise 15 (`delivered` tells the truth).

import { expect, it } from "vitest";
import { eventually, rejection, within } from "../helpers/eventually.js";
import { type FixtureProcess, useProcesses } from "../helpers/processes.js";

const processes = useProcesses();
const RETRY = { service: "echo", retry: true, timeout: 60 };

it("a call with retry outlives a hub and a provider that are not there yet", async () => {
  const first = await processes.start("hub");
  const user = await processes.start("client", { port: first.port });
  await user.ask("ready");
  first.kill();
  await first.exit();
  await user.event("inactive");
  const call = user.ask("call", { ...RETRY, method: "echo", args: [7] }, 60_000);
  await processes.start("hub", { port: first.port });
  const provider = await processes.start("client", { port: first.port });
  await provider.ask("provide", { name: "echo" });
  expect(await within(call, 60_000)).toBe(7);
});

it("a call with retry whose provider dies with it is not repeated by another (15)", async () => {
  const hub = await processes.start("hub");
  const user = await processes.start("client", { port: hub.port });
  const providers: FixtureProcess[] = [];
  for (const label of ["one", "two"]) {
    const provider = await processes.start("client", { port: hub.port, label });
    await provider.ask("provide", { name: "echo" });
    providers.push(provider);
  }
  await user.ask("watch", { filter: "echo" });
  await user.several("change", 2, ({ status }) => status === "available");
  const call = rejection(user.ask("call", { ...RETRY, method: "hang", args: ["m"] }, 60_000));
  const asked = await eventually(() => providers.find((one) => one.told("hanging").length > 0));
  asked.kill();
  expect(await call).toMatchObject({ code: "lost", delivered: "unknown" });
  const [other] = providers.filter((provider) => provider !== asked);
  // Whatever was sent to it before has arrived when it answers this.
  expect(await user.ask("call", { ...RETRY, method: "echo", args: [1] })).toBe(1);
  expect(other?.told("hanging")).toEqual([]);
});
