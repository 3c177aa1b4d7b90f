import { expect, test } from "vitest";
import { examplesIn, missingLine } from "../../scripts/lib/examples.mjs";

test("marked blocks become files, unmarked ones do not", () => {
  const markdown = [
    "<!-- example: api.ts -->",
    "```ts",
    "export type A = 1;",
    "```",
    "```ts",
    "not marked",
    "```",
    "<!-- example: hub.mjs, run -->",
    "",
    "~~~js",
    "hub();",
    "~~~",
    "<!-- output: hub.mjs -->",
    "```text",
    "one",
    "",
    "two",
    "```",
  ].join("\n");
  expect(examplesIn(markdown)).toEqual([
    { name: "api.ts", code: "export type A = 1;\n", run: false, output: [] },
    { name: "hub.mjs", code: "hub();\n", run: true, output: ["one", "two"] },
  ]);
});

test.each([
  ["without a block", "<!-- example: a.ts -->\ntext", "line 1: .*not followed"],
  [
    "with a block that does not end",
    "<!-- example: a.ts -->\n```ts\ncode",
    "line 1: .*without an end",
  ],
  ["with a path", "<!-- example: ../a.ts -->\n```\n```", "line 1: .*names no file"],
  ["with an unknown word", "<!-- example: a.ts, walk -->\n```\n```", "line 1: .*unknown word"],
  ["of output of nothing", "<!-- output: a.ts -->\n```\n```", "line 1: .*follows no example"],
])("a marker %s is an error that names its line", (_, markdown, message) => {
  expect(() => examplesIn(markdown)).toThrow(new RegExp(message));
});

test("expected lines must appear in their order, others may stand between", () => {
  const printed = "start\none\nnoise\ntwo 22.5 °C\n";
  expect(missingLine(["one", "two … °C"], printed)).toBeUndefined();
  expect(missingLine(["two … °C", "one"], printed)).toBe("one");
  expect(missingLine(["on"], printed)).toBe("on");
  expect(missingLine(["two 22x5 °C"], printed)).toBe("two 22x5 °C");
});

test("one printed line does not stand for two expected ones", () => {
  expect(missingLine(["one", "one"], "one\n")).toBe("one");
});
