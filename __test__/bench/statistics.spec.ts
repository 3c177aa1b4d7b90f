import { expect, test } from "vitest";
import { parseCpu, parseMachine } from "../../bench/lib/procfs.mjs";
import { percentile, summary } from "../../bench/lib/statistics.mjs";

test("a percentile is a value that occurred, at least as large as that share of all", () => {
  const values = Float64Array.from({ length: 100 }, (_, index) => index + 1);
  expect(percentile(values, 0.5)).toBe(50);
  expect(percentile(values, 0.99)).toBe(99);
  expect(percentile(values, 0.999)).toBe(100);
  expect(percentile([7], 0.01)).toBe(7);
});

test("the median of an even number of repetitions lies between the middle two", () => {
  expect(summary([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
  expect(summary([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4 });
  expect(summary([])).toBeUndefined();
});

test("CPU time is read from /proc also when the program's name contains spaces and parentheses", () => {
  const fields = ["S", "1", "2", "3", "0", "-1", "4194304", "9", "8", "7", "6", "250", "50", "1"];
  expect(parseCpu(`42 (a) (b c) ${fields.join(" ")}`)).toBe(3);
});

test("what the hypervisor took counts as busy, waiting for disks does not", () => {
  const { busy, all } = parseMachine("cpu  100 10 50 700 40 5 15 20 0 0\ncpu0 1 2 3\n");
  expect(busy).toBeCloseTo(2);
  expect(all).toBeCloseTo(9.4);
});
