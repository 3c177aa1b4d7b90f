import { expect, test } from "vitest";
import { growthOf, rates } from "../../examples/gateway/sensors/counters.js";

test("a counter that grew, grew by the difference", () => {
  expect(growthOf(100, 350)).toBe(250);
  expect(growthOf(7, 7)).toBe(0);
});

test("a 32-bit counter that wrapped grew across the wrap", () => {
  expect(growthOf(2 ** 32 - 100, 50)).toBe(150);
});

test("a counter that fell for another reason has no known growth", () => {
  expect(growthOf(5000, 10)).toBeUndefined();
  expect(growthOf(2 ** 40, 10)).toBeUndefined();
});

test("rates are per second and only of counters that are in both samples", () => {
  const before = {
    at: 10,
    counters: new Map([
      ["a", 100],
      ["gone", 1],
      ["reset", 9],
    ]),
  };
  const after = {
    at: 12,
    counters: new Map([
      ["a", 300],
      ["new", 5],
      ["reset", 1],
    ]),
  };
  expect(rates(before, after)).toEqual(new Map([["a", 100]]));
});

test("without time between two samples there are no rates", () => {
  const counters = new Map([["a", 1]]);
  expect(rates({ at: 5, counters }, { at: 5, counters })).toEqual(new Map());
  expect(rates({ at: 6, counters }, { at: 5, counters })).toEqual(new Map());
});
