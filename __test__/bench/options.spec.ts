import { expect, test } from "vitest";
import { parseOptions } from "../../bench/lib/options.mjs";

test("options of the benchmark have defaults", () => {
  expect(parseOptions([])).toEqual({ only: [], peers: [], repeat: 3, seconds: 2, help: false });
  expect(parseOptions(["--quick", "--repeat", "2"])).toMatchObject({ repeat: 2, seconds: 0.5 });
  expect(parseOptions(["--only", "W2, W3,"]).only).toEqual(["W2", "W3"]);
});

test.each([
  ["--repeat", "0"],
  ["--repeat", "1.5"],
  ["--seconds", "x"],
  ["--nothing", "1"],
])("%s %s is refused", (...args) => {
  expect(() => parseOptions(args)).toThrow();
});
