import { expect, test } from "vitest";
import { shells } from "../../scripts/lib/actionlint.mjs";

const BASH = "defaults:\n  run:\n    shell: bash\n";

test("a workflow whose shell does not see failures within pipes is refused", () => {
  expect(shells(`${BASH}jobs:\n  one:\n    steps:\n      - run: a | b\n`)).toEqual([]);
  expect(shells("jobs:\n  one:\n    steps:\n      - run: a | b\n")).toEqual([
    "`defaults: run: shell: bash` is missing",
  ]);
  expect(
    shells(`${BASH}jobs:\n  one:\n    steps:\n      - shell: sh\n        run: a | b\n`),
  ).toEqual(["`shell: sh` may hide a failure within a pipe"]);
});
