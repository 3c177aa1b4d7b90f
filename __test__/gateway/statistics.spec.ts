import { expect, test } from "vitest";
import { RollingStatistics } from "../../examples/gateway/statistics.js";

test("statistics are of the values within the window", () => {
  const statistics = new RollingStatistics(60);
  statistics.add(100, 0);
  statistics.add(2, 30);
  statistics.add(6, 59);
  expect(statistics.at(59)).toEqual({ last: 6, min: 2, max: 100, mean: 36, count: 3 });
  expect(statistics.at(61)).toEqual({ last: 6, min: 2, max: 6, mean: 4, count: 2 });
});

test("without a value within the window there are none", () => {
  const statistics = new RollingStatistics(60);
  expect(statistics.at(0)).toBeUndefined();
  statistics.add(1, 10);
  expect(statistics.at(70)).toBeUndefined();
});

test("a flood of values stays bounded, the oldest go first", () => {
  const statistics = new RollingStatistics(60);
  for (let value = 1; value <= 5000; value++) statistics.add(value, 1);
  expect(statistics.at(1)).toMatchObject({ last: 5000, min: 4401, count: 600 });
});
