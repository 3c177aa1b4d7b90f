// Results in parts, through a hub: order, flow control, and every way to end.
// Promises 12 (order), 15 (one outcome), 16 (cancelling, deaths), 23 (nothing is unbounded).

import { describe, expect, it } from "vitest";
import { eventually, passing, rejection } from "../helpers/eventually.js";
import { type FixtureProcess, useProcesses } from "../helpers/processes.js";

const processes = useProcesses();

async function star() {
  const hub = await processes.start("hub");
  const meter = await processes.start("meter", { port: hub.port });
  const reader = await processes.start("reader", { port: hub.port });
  await reader.ask("waitFor", { name: "meter" });
  return { hub, meter, reader };
}

/** Reads one part of a stream that counts. */
async function next(reader: FixtureProcess, mark = "m"): Promise<unknown> {
  return reader.ask("next", { mark });
}

describe("a streamed result", () => {
  it("arrives complete and in order, however long (12)", async () => {
    const { meter, reader } = await star();
    const read = { method: "count", mark: "m" };
    expect(await reader.ask("readAll", { ...read, args: ["a", 20_000] })).toEqual({
      last: 20_000,
      disordered: 0,
    });
    expect(await meter.event("ended")).toMatchObject({ mark: "a", ended: "done", aborted: false });
    const options = { credit: 1 };
    expect(await reader.ask("readAll", { ...read, args: ["b", 500], options })).toMatchObject({
      last: 500,
    });
    // Many large ones, and several at once.
    const several = ["c", "d", "e"].map((mark) =>
      reader.ask("readAll", { ...read, mark, args: [mark, 200, 50_000] }),
    );
    expect(await Promise.all(several)).toEqual(
      Array.from({ length: 3 }, () => ({ last: 200, disordered: 0 })),
    );
  });

  it("rests at the handler while the caller does not read (flow control) (23)", async () => {
    const { meter, reader } = await star();
    await reader.ask("stream", {
      method: "count",
      args: ["m"],
      mark: "m",
      options: { timeout: 60 },
    });
    await eventually(async () => (await meter.ask("yielded", { mark: "m" })) === 16);
    // What goes the same way goes on meanwhile, and the handler still rests after it.
    expect(await reader.ask("call", { method: "plain" })).toBe(42);
    expect(await meter.ask("yielded", { mark: "m" })).toBe(16);
    for (let n = 1; n <= 8; n++) expect(await next(reader)).toEqual({ value: n });
    await eventually(async () => (await meter.ask("yielded", { mark: "m" })) === 24);
    expect(await reader.ask("call", { method: "plain" })).toBe(42);
    expect(await meter.ask("yielded", { mark: "m" })).toBe(24);
    await reader.ask("close", { mark: "m" });
    expect(await meter.event("ended")).toMatchObject({ ended: "closed" });
  });

  it("does not count time while the caller does not read (15)", async () => {
    const { meter, reader } = await star();
    const options = { timeout: 0.3, credit: 2 };
    await reader.ask("stream", { method: "count", args: ["m", 6], mark: "m", options });
    await eventually(async () => (await meter.ask("yielded", { mark: "m" })) === 2);
    await passing(0.9); // three times the timeout
    for (let n = 1; n <= 6; n++) expect(await next(reader)).toEqual({ value: n });
    expect(await next(reader)).toEqual({ done: true });
  });

  it("of a plain method is its one result; a plain call of a stream says what to do (15)", async () => {
    const { reader } = await star();
    await reader.ask("stream", { method: "plain", mark: "m" });
    expect([await next(reader), await next(reader)]).toEqual([{ value: 42 }, { done: true }]);
    const error = await rejection(reader.ask("call", { method: "count", args: ["m"] }));
    expect(error).toMatchObject({ code: "encoding", delivered: "yes" });
    expect((error as Error).message).toContain("stream()");
  });

  it("comes from one identity as well, and waits for it (14)", async () => {
    const { meter, hub } = await star();
    const { identity } = meter.ready;
    const late = await processes.start("reader", { port: hub.port, label: "late" });
    const read = {
      identity,
      method: "count",
      args: ["m", 100],
      mark: "m",
      options: { wait: true },
    };
    expect(await late.ask("readAll", read)).toEqual({ last: 100, disordered: 0 });
  });
});

describe("a stream ends", () => {
  it("when the loop is left: the generator is closed and its signal aborts (16)", async () => {
    const { meter, reader } = await star();
    const read = { method: "count", args: ["m"], mark: "m", leaveAt: 3 };
    expect(await reader.ask("readAll", read)).toEqual({ last: 3, disordered: 0 });
    expect(await meter.event("ended")).toMatchObject({ ended: "closed", aborted: "cancelled" });
  });

  it("by the caller's signal, at once, also while the handler has nothing (16)", async () => {
    const { meter, reader } = await star();
    await reader.ask("stream", {
      method: "pause",
      args: ["m"],
      mark: "m",
      options: { timeout: 60 },
    });
    expect(await next(reader)).toEqual({ value: 1 });
    const waiting = rejection(next(reader));
    await reader.ask("abort", { mark: "m" });
    expect(await waiting).toMatchObject({
      ...{ name: "RequestError", code: "cancelled", delivered: "yes" },
      cause: { message: "no longer needed" },
    });
    expect(await meter.event("ended")).toMatchObject({ ended: "aborted", aborted: "cancelled" });
  });

  it("with the handler's failure, after the parts before it (15)", async () => {
    const { reader } = await star();
    await reader.ask("stream", { method: "fail", args: [2], mark: "m" });
    expect([await next(reader), await next(reader)]).toEqual([{ value: 1 }, { value: 2 }]);
    expect(await rejection(next(reader))).toMatchObject({
      ...{ name: "ServiceFailure", code: "broken", message: "no sensor", data: { after: 2 } },
    });
    expect(await next(reader)).toEqual({ done: true });
  });

  it("by the deadline, if the next part does not come (15)", async () => {
    const { meter, reader } = await star();
    const options = { timeout: 0.3 };
    await reader.ask("stream", { method: "pause", args: ["m"], mark: "m", options });
    expect(await next(reader)).toEqual({ value: 1 });
    expect(await rejection(next(reader))).toMatchObject({ code: "deadline", delivered: "yes" });
    expect(await meter.event("ended")).toMatchObject({ mark: "m" });
  });

  it("with no-service and no-method like every request (15)", async () => {
    const { reader } = await star();
    await reader.ask("stream", { service: "nobody", method: "count", mark: "a" });
    expect(await rejection(next(reader, "a"))).toMatchObject({
      ...{ code: "no-service", delivered: "no" },
    });
    await reader.ask("stream", { method: "none such", mark: "b" });
    expect(await rejection(next(reader, "b"))).toMatchObject({
      code: "no-method",
      delivered: "no",
    });
  });

  it("when the service is closed, its process dies, or the hub does (15, 16)", async () => {
    const { hub, meter, reader } = await star();
    /** A stream that has brought one part; what its next one rejects with. */
    const open = async (mark: string) => {
      await reader.ask("stream", { method: "pause", args: [mark], mark, options: { timeout: 60 } });
      expect(await next(reader, mark)).toEqual({ value: 1 });
      return { rejected: rejection(next(reader, mark)) };
    };
    const closed = await open("closed");
    await meter.ask("withdraw");
    expect(await closed.rejected).toMatchObject({ code: "lost", delivered: "yes" });
    expect(await meter.event("ended")).toMatchObject({ mark: "closed", aborted: "closed" });

    const second = await processes.start("meter", { port: hub.port, label: "second" });
    await reader.ask("waitFor", { name: "meter" });
    const died = await open("dies");
    second.kill();
    expect(await died.rejected).toMatchObject({ code: "lost", delivered: "yes" });

    await processes.start("meter", { port: hub.port, label: "third" });
    await reader.ask("waitFor", { name: "meter" });
    const unlinked = await open("hub");
    hub.kill();
    expect(await unlinked.rejected).toMatchObject({ code: "link-lost", delivered: "yes" });
  });

  it("when the caller dies: the generator is closed (16)", async () => {
    const { meter, reader } = await star();
    await reader.ask("stream", {
      method: "count",
      args: ["m"],
      mark: "m",
      options: { timeout: 60 },
    });
    expect(await next(reader)).toEqual({ value: 1 });
    reader.kill();
    expect(await meter.event("ended")).toMatchObject({ ended: "closed", aborted: "lost" });
  });
});
