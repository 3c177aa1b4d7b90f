// What a provider's own process hears of handlers that fail by mistake.

import { describe, expect, it, onTestFinished } from "vitest";
import { EncodingError, ServiceFailure } from "../../ts/errors.js";
import type { HandlerError } from "../../ts/handler-error.js";
import { HandlerErrors } from "../../ts/internal/handler-errors.js";
import { Log, type LogEntry } from "../../ts/options/log.js";
import { Service } from "../../ts/service.js";
import { eventually, rejection } from "../helpers/eventually.js";
import { fakeRegistry } from "../helpers/fake-native.js";

const broken = new TypeError("broken");

function setUp() {
  const entries: LogEntry[] = [];
  const failures: HandlerError[] = [];
  const callbackErrors: unknown[] = [];
  const fake = fakeRegistry({
    log: (entry) => entries.push(entry),
    callbackError: (error) => callbackErrors.push(error),
  });
  onTestFinished(() => fake.registry.close());
  fake.registry.on("handlerError", (failure) => failures.push(failure));
  const service = new Service("meter", {
    registry: fake.registry,
    methods: {
      throws: () => {
        throw broken;
      },
      rejects: () => Promise.reject(broken),
      stream: async function* () {
        yield 1;
        throw broken;
      },
      onPurpose: () => {
        throw new ServiceFailure("busy");
      },
      onPurposeButWrong: () => {
        throw new ServiceFailure("busy", "", () => {});
      },
      unencodable: () => ({ at: () => {} }),
      hangs: ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    },
  });
  return {
    ...fake,
    service,
    entries,
    failures,
    callbackErrors,
    remote: fake.registry.service("meter"),
  };
}

describe("a handler that fails by mistake", () => {
  it.each(["throws", "rejects"])("is a line and an event: %s", async (method) => {
    const { remote, entries, failures } = setUp();
    await rejection(remote.call(method));
    expect(failures).toEqual([{ service: "meter", method, error: broken }]);
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({ level: "error" });
    expect(entries[0]?.message).toMatch(
      new RegExp(`^meter\\.${method} failed: TypeError: broken\\n\\s+at `),
    );
  });

  it("is one after parts of a stream, too", async () => {
    const { remote, entries, failures } = setUp();
    const stream = remote.stream("stream");
    await stream.next();
    await rejection(stream.next());
    expect(failures).toEqual([{ service: "meter", method: "stream", error: broken }]);
    expect(entries).toHaveLength(1);
  });

  it.each(["unencodable", "onPurposeButWrong"])("by what cannot travel: %s", async (method) => {
    const { remote, entries, failures } = setUp();
    expect(await rejection(remote.call(method))).toMatchObject({ code: "encoding" });
    expect(failures).toEqual([{ service: "meter", method, error: expect.any(EncodingError) }]);
    expect(entries.map(({ level }) => level)).toEqual(["error"]);
  });

  it("is nothing of that on purpose, or when its caller has given up", async () => {
    const { remote, entries, failures, native } = setUp();
    await rejection(remote.call("onPurpose"));
    const controller = new AbortController();
    const hanging = remote.call("hangs", [], { signal: controller.signal });
    await eventually(() => native.pending === 1);
    await rejection(remote.call("onPurpose"));
    controller.abort();
    await rejection(hanging);
    await rejection(remote.call("throws")); // what the handler ended with was taken by now
    expect(failures).toMatchObject([{ method: "throws" }]);
    expect(entries).toHaveLength(1);
  });

  it("answers its caller although a listener throws, which is a callback's error", async () => {
    const { registry, remote, callbackErrors, failures } = setUp();
    registry.on("handlerError", () => {
      throw new Error("listener");
    });
    expect(await rejection(remote.call("throws"))).toMatchObject({ code: "error" });
    expect(failures).toHaveLength(1);
    expect(callbackErrors).toMatchObject([{ message: "listener" }]);
  });
});

describe("lines about handlers that fail", () => {
  it("are ten a minute for each method, and say how many there would have been", () => {
    const entries: LogEntry[] = [];
    let told = 0;
    const log = new Log("me", (entry) => entries.push(entry));
    const errors = new HandlerErrors(log, () => {
      told += 1;
    });
    const service = { name: "meter" };
    for (let n = 0; n < 1000; n++) errors.note(service, "read", broken, 100 + n / 100);
    expect(entries).toHaveLength(10);
    expect(told).toBe(1000);
    errors.note(service, "write", broken, 110);
    errors.note({ name: "meter" }, "read", broken, 110);
    expect(entries).toHaveLength(12);
    errors.note(service, "read", broken, 160);
    errors.note(service, "read", broken, 161);
    const [first, second] = entries.slice(12).map(({ message }) => message.split("\n")[0]);
    expect(first).toBe(
      "meter.read failed (and 990 times before, without a line): TypeError: broken",
    );
    expect(second).toBe("meter.read failed: TypeError: broken");
  });
});
