// `wait: true`: a call that waits for its provider. Promise 14.

import { describe, expect, it } from "vitest";
import { passing, rejection } from "../helpers/eventually.js";
import { freePort } from "../helpers/ports.js";
import { useProcesses } from "../helpers/processes.js";

const processes = useProcesses();
const asked = { service: "echo", method: "echo", args: ["here"], wait: true };

describe("a call with wait", () => {
  it("begins before there is a hub, and is answered when a provider is there (14)", async () => {
    const port = await freePort();
    const user = await processes.start("client", { port });
    const answer = user.ask("call", { ...asked, timeout: 20 });
    await user.event("attemptFailed");
    const hub = await processes.start("hub", { port });
    const provider = await processes.start("client", { port: hub.port, label: "provider" });
    await provider.ask("provide", { name: "other" });
    await user.ask("waitFor", { name: "other", timeout: 10 });
    await provider.ask("provide", { name: "echo" });
    expect(await answer).toBe("here");
  });

  it("waits for one identity, and over a restart of the hub (14)", async () => {
    const port = await freePort();
    const hub = await processes.start("hub", { port });
    const provider = await processes.start("client", { port });
    const identity = await provider.ask("provide", { name: "echo" });
    const user = await processes.start("client", { port, label: "user" });
    await user.ask("waitFor", { name: "echo", timeout: 10 });
    hub.kill();
    await user.event("inactive");
    const answer = user.ask("call", { ...asked, service: undefined, identity, timeout: 20 });
    await processes.start("hub", { port });
    expect(await answer).toBe("here");
  });

  it("ends by its deadline, cancelled or with its registry: certainly not delivered (14, 15)", async () => {
    const user = await processes.start("client", { port: await freePort() });
    expect(await rejection(user.ask("call", { ...asked, timeout: 0.2 }))).toMatchObject({
      ...{ code: "deadline", delivered: "no" },
    });
    const cancelled = rejection(user.ask("call", { ...asked, timeout: 60, mark: "m" }));
    await user.ask("cancel", { mark: "m" });
    expect(await cancelled).toMatchObject({ code: "cancelled", delivered: "no" });
    const closed = rejection(user.ask("call", { ...asked, timeout: 60 }));
    await user.ask("close", { drain: 0 });
    expect(await closed).toMatchObject({ name: "RequestError", delivered: "no" });
  });

  it("uses its deadline once: what it waited for is missing from the handler's time (14, 15)", async () => {
    const hub = await processes.start("hub");
    const user = await processes.start("client", { port: hub.port });
    await user.event("active");
    const answer = user.ask("call", { service: "late", method: "caller", wait: true, timeout: 30 });
    await passing(0.5);
    const provider = await processes.start("client", { port: hub.port, label: "provider" });
    await provider.ask("provide", { name: "late" });
    const { remaining } = (await answer) as { remaining: number };
    expect(remaining).toBeLessThan(29.6);
    expect(remaining).toBeGreaterThan(10);
  });

  it("without it fails at once (14)", async () => {
    const hub = await processes.start("hub");
    const user = await processes.start("client", { port: hub.port });
    await user.event("active");
    expect(await rejection(user.ask("call", { ...asked, wait: false }))).toMatchObject({
      ...{ code: "no-service", delivered: "no" },
    });
  });
});
