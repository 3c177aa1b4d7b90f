// Requests and their outcomes.
// Promises 14 (who answers), 15 (every code, with `delivered`), 16 (cancelling, and callers that
// die), 23 (limits of requests).

import { describe, expect, it } from "vitest";
import { eventually, rejection } from "../helpers/eventually.js";
import { type FixtureProcess, useProcesses } from "../helpers/processes.js";

const processes = useProcesses();

async function star(limits?: object) {
  const hub = await processes.start("hub");
  const provider = await processes.start("client", { port: hub.port, label: "provider", limits });
  await provider.ask("provide", { name: "echo" });
  const user = await processes.start("client", { port: hub.port, label: "user" });
  await user.ask("waitFor", { name: "echo", timeout: 5 });
  return { hub, provider, user };
}

function call(user: FixtureProcess, method: string, fields: object = {}): Promise<unknown> {
  return user.ask("call", { service: "echo", method, ...fields });
}

describe("requests", () => {
  it("each get their own answer, 1,000 at once and answered out of order (15)", async () => {
    const { hub, provider, user } = await star();
    const fields = { service: "echo", method: "shuffled", timeout: 20 };
    const answered = (times: number) => ({
      ...{ outcomes: { answered: times }, mismatched: 0, settled: times },
    });
    const began = performance.now();
    expect(await user.ask("callAll", { ...fields, times: 1_000 })).toMatchObject(answered(1_000));
    console.log(`1,000 interleaved requests: ${(performance.now() - began).toFixed(0)} ms`);
    // And from all sides at once, the provider's own process included.
    const sides = [user, hub, provider].map((one) => one.ask("callAll", { ...fields, times: 300 }));
    expect(await Promise.all(sides)).toMatchObject([answered(300), answered(300), answered(300)]);
  });

  it("tell the handler who calls, which method, and how long it may take (15)", async () => {
    const { user } = await star();
    const told = (await call(user, "caller", { timeout: 20 })) as { remaining: number };
    expect(told).toMatchObject({ process: user.id, label: "user", method: "caller" });
    expect(told.remaining).toBeGreaterThan(10);
    expect(told.remaining).toBeLessThanOrEqual(20);
  });

  it("go to the own process first, else round the others, or to one identity (14)", async () => {
    const { hub, provider, user } = await star();
    const second = await processes.start("client", { port: hub.port, label: "second" });
    const identity = await second.ask("provide", { name: "echo" });
    await user.ask("watch", { filter: "echo" });
    await user.several("change", 2, ({ status }) => status === "available");
    const asked = [];
    for (let n = 0; n < 6; n++) asked.push(await call(user, "whoami"));
    expect(asked.filter((id) => id === provider.id)).toHaveLength(3);
    expect(asked.filter((id) => id === second.id)).toHaveLength(3);
    expect(await user.ask("call", { identity, method: "whoami" })).toBe(second.id);

    for (let n = 0; n < 4; n++) expect(await call(second, "whoami")).toBe(second.id);
    const anybody = [];
    for (let n = 0; n < 8; n++) anybody.push(await call(second, "whoami", { prefer: "any" }));
    expect(new Set(anybody)).toEqual(new Set([provider.id, second.id]));
  });

  it("go to the provider with the least to do (14)", async () => {
    const { hub, provider, user } = await star();
    const second = await processes.start("client", { port: hub.port, label: "second" });
    await second.ask("provide", { name: "echo" });
    await user.ask("watch", { filter: "echo" });
    await user.several("change", 2, ({ status }) => status === "available");
    for (let mark = 0; mark < 4; mark++) {
      call(user, "hang", { args: [mark], timeout: 60, mark: `${mark}` }).catch(() => {});
    }
    await provider.several("hanging", 2);
    await second.several("hanging", 2);
    await user.ask("cancel", { mark: `${second.told("hanging")[0]?.mark}` });
    await second.event("aborted");
    // Its slot is free when its handler has settled. Equals would be asked in turn.
    await eventually(async () => {
      for (let n = 0; n < 4; n++) expect(await call(user, "whoami")).toBe(second.id);
      return true;
    });
  });
});

describe("a request ends with", () => {
  it.each([
    ["no-service", "no", { service: "nobody" }, "echo"],
    ["no-service", "no", { service: undefined, identity: `${"0".repeat(32)}.1` }, "echo"],
    ["no-method", "no", {}, "none such"],
    ["deadline", "unknown", { timeout: 0.1 }, "hang"],
    ["deadline", "no", { service: "nobody", timeout: 0.1, wait: true }, "echo"],
    ["encoding", "yes", {}, "unencodable"],
    ["too-large", "yes", { args: [(1 << 20) + 1] }, "bytes"],
    ["too-large", "no", { args: ["x".repeat((1 << 20) + 1)] }, "echo"],
  ])("`%s` and `delivered` %s (15)", async (code, delivered, fields, method) => {
    const { user } = await star();
    expect(await rejection(call(user, method, fields))).toMatchObject({
      ...{ name: "RequestError", code, delivered, method, timeout: expect.any(Number) },
      message: expect.stringMatching(/^(echo|nobody|[0-9a-f]{32}\.\d+)\.[\w ]+: ./),
    });
    expect(await call(user, "echo", { args: [1] })).toBe(1);
  });

  it("the service's own failure, with its code, message and data (15)", async () => {
    const { provider, user } = await star();
    const data = { sensor: 7, readings: [1.5, null] };
    expect(
      await rejection(call(user, "fail", { args: ["broken", "no sensor", data] })),
    ).toMatchObject({
      name: "ServiceFailure",
      code: "broken",
      message: "no sensor",
      data,
      delivered: "yes",
    });
    expect(await rejection(call(user, "throw"))).toMatchObject({
      ...{ name: "ServiceFailure", code: "error", message: "not meant", delivered: "yes" },
      ...{ service: "echo", method: "throw" },
    });
    // What was not on purpose is told at home, with all that its caller does not hear.
    await provider.stderrMatches(/netsvc error provider: echo\.throw failed: .*not meant\n\s+at /);
    expect(await provider.event("handlerError")).toMatchObject({
      ...{ service: "echo", method: "throw", error: { message: "not meant" } },
    });
    expect(user.told("handlerError")).toEqual([]);
  });

  it("what did not come, from whom, within what time, and where it was awaited (15)", async () => {
    const { user } = await star();
    expect(await rejection(call(user, "hang", { args: ["m"], timeout: 0.05 }))).toMatchObject({
      message: "echo.hang: no outcome within 0.05 s",
      ...{ service: "echo", method: "hang", timeout: 0.05 },
      stack: expect.stringMatching(/at async .*fixture\.mjs/),
    });
  });

  it("`overloaded` when the service runs as many as it may, `delivered` no (15, 23)", async () => {
    const { provider, user } = await star({ runningRequests: 2 });
    for (const mark of ["one", "two"]) {
      call(user, "hang", { args: [mark], timeout: 60, mark }).catch(() => {});
    }
    await provider.several("hanging", 2);
    expect(await rejection(call(user, "echo"))).toMatchObject({
      ...{ code: "overloaded", delivered: "no" },
    });
    // A slot is free when the handler has settled.
    await user.ask("cancel", { mark: "one" });
    await provider.event("aborted");
    expect(await eventually(() => call(user, "echo", { args: [1] }))).toBe(1);
  });

  it("`cancelled` at once, and the handler's signal says so (16)", async () => {
    const { provider, user } = await star();
    const hanging = rejection(call(user, "hang", { args: ["m"], timeout: 60, mark: "m" }));
    await provider.event("hanging");
    await user.ask("cancel", { mark: "m" });
    expect(await hanging).toMatchObject({
      ...{ code: "cancelled", delivered: "unknown", cause: { message: "no longer needed" } },
    });
    expect(await provider.event("aborted")).toMatchObject({ mark: "m", code: "cancelled" });
    expect(provider.told("gone")).toEqual([]);
  });

  it("`deadline`, and the handler's signal says so (15, 16)", async () => {
    const { provider, user } = await star();
    expect(await rejection(call(user, "hang", { args: ["m"], timeout: 0.2 }))).toMatchObject({
      ...{ code: "deadline", delivered: "unknown" },
    });
    expect(await provider.event("aborted")).toMatchObject({ mark: "m" });
  });
});

describe("a caller that dies", () => {
  it("aborts its handlers' signals and `caller.gone`, and nobody else's (16)", async () => {
    const { hub, provider, user } = await star();
    const other = await processes.start("client", { port: hub.port, label: "other" });
    const kept = rejection(call(other, "hang", { args: ["other's"], timeout: 60, mark: "m" }));
    const lost = call(user, "hang", { args: ["user's"], timeout: 60 });
    lost.catch(() => {}); // its process dies
    await provider.several("hanging", 2);
    user.kill();
    expect(await provider.event("aborted")).toMatchObject({ mark: "user's", code: "lost" });
    expect(await provider.event("gone")).toMatchObject({ mark: "user's" });
    expect(await call(other, "echo", { args: [2] })).toBe(2);
    expect(provider.told("aborted")).toHaveLength(1);
    expect(provider.told("gone")).toHaveLength(1);
    await other.ask("cancel", { mark: "m" });
    await kept;
  });

  it("is heard of by `caller.gone` long after the handler returned (16)", async () => {
    const { provider, user } = await star();
    await call(user, "remember", { args: ["m"] });
    expect(await call(user, "echo", { args: [1] })).toBe(1);
    expect(provider.told("gone")).toEqual([]);
    user.kill();
    expect(await provider.event("gone")).toMatchObject({ mark: "m" });
  });
});
