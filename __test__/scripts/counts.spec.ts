import { expect, test } from "vitest";
import { cargoCounts, vitestCounts } from "../../scripts/lib/counts.mjs";

const line = (passed: number, failed: number): string =>
  `test result: ${failed === 0 ? "ok" : "FAILED"}. ${passed} passed; ${failed} failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s\n`;

test("the results of all test programs of cargo are added up", () => {
  const output = `running 3 tests\n${line(3, 0)}\nrunning 5 tests\n${line(4, 1)}`;
  expect(cargoCounts(output, 101)).toEqual({ passed: 7, failed: 1 });
});

test("a cargo run that failed without a failed test is one failure", () => {
  expect(cargoCounts(line(3, 0), 101)).toEqual({ passed: 3, failed: 1 });
});

test("a cargo run without a result is one failure, whatever its exit code", () => {
  expect(cargoCounts("", 0)).toEqual({ passed: 0, failed: 1 });
});

test("the counts of Vitest's report are taken over", () => {
  const report = JSON.stringify({ numPassedTests: 5, numFailedTests: 2 });
  expect(vitestCounts(report, 1)).toEqual({ passed: 5, failed: 2 });
});

test("an error outside all tests is one failure", () => {
  const report = JSON.stringify({ numPassedTests: 5, numFailedTests: 0 });
  expect(vitestCounts(report, 1)).toEqual({ passed: 5, failed: 1 });
});

test.each([
  ["missing", undefined],
  ["cut off", '{"numPassedTests": 5, '],
  ["of another form", '{"numPassedTests": "5"}'],
])("a report that is %s is one failure", (_, report) => {
  expect(vitestCounts(report, 0)).toEqual({ passed: 0, failed: 1 });
});
