// How deliveries are taken from the native side: within a budget, and without missing a wake-up.

import { expect, it, onTestFinished } from "vitest";
import { Bridge } from "../../ts/border/bridge.js";
import type { Budget } from "../../ts/border/budget.js";
import type { Sink } from "../../ts/border/deliveries.js";
import { Environment } from "../../ts/border/environment.js";
import { Memory } from "../../ts/border/memory.js";
import type { Native } from "../../ts/border/native.js";
import { FakeEnvironment } from "../helpers/fake-environment.js";

const EXCHANGE_CLOSED = 8;

/** A bridge over a native side that hands out these batches of exchange numbers. */
function bridgeOver(batches: number[][]) {
  const closed: number[] = [];
  let drains = 0;
  class NativeRegistry {
    readonly id = "0".repeat(32);
    readonly no = 1;
    drain(words: Uint32Array, _memory: Uint8Array, at: number): null {
      drains += 1;
      const batch = batches.shift() ?? [];
      const more = batches.length > 0 ? 1 : 0;
      words.set([3 + 2 * batch.length, more, at, ...batch.flatMap((no) => [EXCHANGE_CLOSED, no])]);
      return null;
    }
  }
  const shared = { native: {}, memory: new Memory(), wakes: 1 };
  const environment = { ...shared, addon: { NativeRegistry }, add() {}, remove() {} };
  const sink = { exchangeClosed: (no: number) => closed.push(no), delivered() {} };
  const bridge = new Bridge(
    environment as unknown as Environment,
    { label: "test", limits: {} },
    sink as unknown as Sink,
  );
  return { bridge, closed, drains: () => drains };
}

const spent = { spend() {}, exhausted: true } as unknown as Budget;
const ample = { spend() {}, exhausted: false } as unknown as Budget;

it("looks again when a batch ends just as the budget does: a wake-up may have been passed over", () => {
  const { bridge, closed, drains } = bridgeOver([[1, 2, 3], [4]]);
  // The batch is done and was the last there was, but what came since is not known.
  expect(bridge.deliver(spent)).toBe(true);
  expect([closed, drains()]).toEqual([[1, 2, 3], 1]);
  expect(bridge.deliver(ample)).toBe(false);
  // That batch says that it was the last, which now is true: a wake-up since then comes by itself.
  expect([closed, drains()]).toEqual([[1, 2, 3, 4], 2]);
});

it("goes on in the middle of a batch when the budget ends there", () => {
  const numbers = Array.from({ length: 20 }, (_, index) => index + 1);
  const { bridge, closed, drains } = bridgeOver([numbers]);
  expect(bridge.deliver(spent)).toBe(true);
  expect(closed.length).toBeLessThan(20);
  expect(bridge.deliver(ample)).toBe(false);
  expect(closed).toEqual(numbers);
  // It said before the pause that it was the last; what came meanwhile is looked for.
  expect(drains()).toBe(2);
});

it("goes on after a batch that is empty although there is more: what was read was not for here", () => {
  const { bridge, closed, drains } = bridgeOver([[], [], [1]]);
  expect(bridge.deliver(spent)).toBe(true);
  expect([closed, drains()]).toEqual([[], 1]);
  expect(bridge.deliver(ample)).toBe(false);
  expect([closed, drains()]).toEqual([[1], 3]);
});

/** An environment over a native side that the test wakes. */
function made(): { environment: Environment; native: FakeEnvironment } {
  const addon = { Environment: FakeEnvironment } as unknown as Native;
  const environment = new Environment(addon, "thread");
  onTestFinished(() => environment.detach());
  return { environment, native: environment.native as FakeEnvironment };
}

it("asks those registries that have something, and no others, in the order in which it came", () => {
  const { environment, native } = made();
  const asked: number[] = [];
  for (let no = 1; no <= 300; no++) {
    environment.add({ no, deliver: () => asked.push(no) < 0 } as unknown as Bridge);
  }
  native.signal(7, 300, 2);
  expect(asked).toEqual([7, 300, 2]);
  native.wake();
  expect(asked).toHaveLength(3);
  // More than are asked for at once.
  native.signal(...Array.from({ length: 200 }, (_, index) => index + 1));
  expect(asked).toHaveLength(203);
});

it("does not ask one that was closed meanwhile", () => {
  const { environment, native } = made();
  const asked: number[] = [];
  const closing = { no: 1, deliver: () => asked.push(1) < 0 } as unknown as Bridge;
  const other = {
    no: 2,
    deliver: () => {
      asked.push(2);
      environment.remove(closing);
      return false;
    },
  } as unknown as Bridge;
  for (const bridge of [closing, other]) environment.add(bridge);
  native.signal(2, 1);
  expect(asked).toEqual([2]);
});

it("comes back for what an error has left, and serves the others before", async () => {
  const { environment, native } = made();
  const delivered: string[] = [];
  let failures = 1;
  const failing = () => {
    delivered.push("failing");
    if (failures-- > 0) throw new Error("on purpose");
    return false;
  };
  const other = () => {
    delivered.push("other");
    return false;
  };
  for (const [index, deliver] of [failing, other].entries()) {
    const deliverOverdue = () => delivered.push(`overdue of ${index + 1}`);
    environment.add({ no: index + 1, deliver, deliverOverdue } as unknown as Bridge);
  }
  expect(() => native.signal(1, 2)).toThrow("on purpose");
  // Nobody wakes again.
  await new Promise((resolve) => setImmediate(resolve));
  const again = ["overdue of 2", "overdue of 1", "other", "failing"];
  expect(delivered).toEqual(["failing", ...again]);
});
