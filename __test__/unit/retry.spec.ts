// Calls that are repeated while they certainly did not reach their handler.

import { describe, expect, it, onTestFinished } from "vitest";
import { REQUEST_CODES } from "../../ts/border/numbers.js";
import { ClosedError, RequestError } from "../../ts/errors.js";
import { Service } from "../../ts/service.js";
import { eventually, passing, rejection, within } from "../helpers/eventually.js";
import { type FakeRegistry, fakeRegistry } from "../helpers/fake-native.js";

const NO = 0;
const YES = 1;
const UNKNOWN = 2;

function setUp() {
  const fake = fakeRegistry({ log: "off" });
  onTestFinished(() => fake.registry.close());
  return { ...fake, remote: fake.registry.service("meter") };
}

function provide({ registry }: ReturnType<typeof setUp>): Service {
  const methods = {
    read: () => new Promise(() => {}),
    echo: (_: unknown, value: unknown) => value,
  };
  return new Service("meter", { registry, methods });
}

/** Requests that were sent. */
function sent(native: FakeRegistry): Array<{ key: number; timeoutMs: number }> {
  return native.seen
    .filter(([name]) => name === "request")
    .map((seen) => ({ key: Number(seen[1]), timeoutMs: Number(seen[2]) }));
}

/** The key of the request with that number, once it is sent. */
function key(native: FakeRegistry, number: number): Promise<number> {
  return eventually(() => sent(native)[number - 1]?.key);
}

describe("a call with retry", () => {
  it("is repeated until somebody is there", async () => {
    const fake = setUp();
    const call = fake.remote.call("echo", [7], { retry: true });
    await key(fake.native, 3);
    provide(fake);
    expect(await within(call)).toBe(7);
  });

  it.each(["overloaded", "lost", "link-lost"] as const)("is repeated after `%s`", async (code) => {
    const fake = setUp();
    provide(fake);
    const call = rejection(fake.remote.call("read", [], { retry: true }));
    fake.native.fail(await key(fake.native, 1), REQUEST_CODES[code], NO, "not yet");
    fake.native.fail(await key(fake.native, 2), REQUEST_CODES[code], UNKNOWN, "enough");
    expect(await call).toMatchObject({ code, delivered: "unknown" });
    expect(sent(fake.native)).toHaveLength(2);
  });

  it.each([
    ["lost", UNKNOWN],
    ["lost", YES],
    ["link-lost", UNKNOWN],
    ["deadline", NO],
    ["deadline", UNKNOWN],
    ["no-method", NO],
    ["denied", NO],
    ["cancelled", NO],
    ["too-large", NO],
    ["encoding", NO],
  ] as const)("is not repeated after `%s`, delivered %i", async (code, delivered) => {
    const fake = setUp();
    provide(fake);
    const call = rejection(fake.remote.call("read", [], { retry: true }));
    fake.native.fail(await key(fake.native, 1), REQUEST_CODES[code], delivered, "x");
    expect(await call).toMatchObject({ name: "RequestError", code });
    expect(sent(fake.native)).toHaveLength(1);
  });

  it("ends with the last error, within its deadline, of which each attempt has what is left", async () => {
    const { remote, native } = setUp();
    const error = await rejection(remote.call("read", [], { retry: true, timeout: 1 }));
    expect(error).toBeInstanceOf(RequestError);
    expect(error).toMatchObject({ code: "no-service", delivered: "no", timeout: 1 });
    const timeouts = sent(native).map(({ timeoutMs }) => timeoutMs);
    expect(timeouts.length).toBeGreaterThan(1);
    expect(timeouts[0]).toBe(1000);
    expect(timeouts).toEqual(timeouts.toSorted((a, b) => b - a));
    expect(new Set(timeouts).size).toBe(timeouts.length);
  });

  it("sends the arguments that it was given, whatever becomes of them", async () => {
    const fake = setUp();
    const list = [1];
    const bytes = Uint8Array.of(1, 2);
    const calls = Promise.all([
      fake.remote.call("echo", [list], { retry: true }),
      fake.remote.call("echo", [bytes], { retry: true }),
    ]);
    await key(fake.native, 2);
    list.push(2);
    bytes.fill(9);
    provide(fake);
    expect(await within(calls)).toEqual([[1], Uint8Array.of(1, 2)]);
  });

  it("is cancelled in a pause at once, and not repeated after it", async () => {
    const { remote, native, environment } = setUp();
    const controller = new AbortController();
    const { signal } = controller;
    const call = rejection(remote.call("read", [], { retry: true, signal }));
    await eventually(() => sent(native).length > 1 && native.pending === 0);
    expect(environment.held).toBe(true);
    controller.abort(new Error("enough"));
    expect(await call).toMatchObject({
      ...{ code: "cancelled", method: "read", cause: { message: "enough" } },
    });
    const { length } = sent(native);
    expect(environment.held).toBe(false);
    await passing(0.15); // longer than that pause could have been
    expect(sent(native)).toHaveLength(length);
  });

  it("ends when the registry closes", async () => {
    const { remote, native, registry } = setUp();
    const call = rejection(remote.call("read", [], { retry: true }));
    await eventually(() => sent(native).length > 1 && native.pending === 0);
    await registry.close();
    expect(await call).toBeInstanceOf(ClosedError);
  });
});

it("a call without retry is never repeated", async () => {
  const { remote, native } = setUp();
  for (const retry of [undefined, false]) {
    expect(await rejection(remote.call("read", [], { retry }))).toMatchObject({
      code: "no-service",
    });
  }
  expect(sent(native)).toHaveLength(2);
});
