import { expect, test } from "vitest";
import { limitsOf, Threshold } from "../../examples/gateway/threshold.js";

function changes(values: readonly number[]): (string | undefined)[] {
  const threshold = new Threshold({ raise: 90, clear: 75 });
  return values.map((value) => threshold.update(value));
}

const none = undefined;

test("an alarm is raised by three values in a row, and only once", () => {
  expect(changes([90, 95, 10, 90, 99, 91, 100])).toEqual([
    ...[none, none, none, none, none, "raised", none],
  ]);
});

test("an alarm is cleared by one value, with a distance from the limit, and only once", () => {
  expect(changes([90, 90, 90, 89, 75, 74, 10, 89, 90, 90, 90])).toEqual([
    ...[none, none, "raised", none, none, "cleared", none, none, none, none, "raised"],
  ]);
});

test("it knows whether it stands", () => {
  const threshold = new Threshold({ raise: 2, clear: 1 });
  for (const value of [2, 2, 2]) threshold.update(value);
  expect(threshold.raised).toBe(true);
  threshold.update(0);
  expect(threshold.raised).toBe(false);
});

test("each limit has its distance, and the load's depends on the processors", () => {
  for (const subject of ["cpu.total", "memory.percent", "load.1m", "temperature.x"]) {
    const limits = limitsOf(subject, 4);
    expect(limits?.raise, subject).toBeGreaterThan(limits?.clear ?? Number.NaN);
  }
  expect(limitsOf("load.1m", 4)?.raise).toBe(16);
  expect(limitsOf("net.eth0.rx", 4)).toBeUndefined();
});
