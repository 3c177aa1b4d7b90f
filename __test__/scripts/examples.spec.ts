import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, test } from "vitest";
import { runPrograms } from "../../scripts/lib/example-runs.mjs";
import { examplesIn, missingLine, unmarkedBlocks } from "../../scripts/lib/examples.mjs";
import { stretched } from "../helpers/time.mjs";

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
  const file = { run: "no", beside: undefined, sigterm: false, output: [] };
  expect(examplesIn(markdown)).toEqual([
    { ...file, name: "api.ts", code: "export type A = 1;\n" },
    { ...file, name: "hub.mjs", code: "hub();\n", run: "together", output: ["one", "two"] },
  ]);
  expect(unmarkedBlocks(markdown)).toEqual([5]);
});

test("a marker says how a program is run, and why a block is not", () => {
  const markdown = [
    "<!-- example: a.ts, alone, beside hub.ts, sigterm -->",
    "```ts",
    "a();",
    "```",
    "<!-- not run: it would change this machine -->",
    "```sh",
    "rm -r /",
    "```",
    "````md",
    "<!-- example: b.ts -->",
    "```ts",
    "```",
    "````",
  ].join("\n");
  expect(examplesIn(markdown)).toEqual([
    { name: "a.ts", code: "a();\n", run: "alone", beside: "hub.ts", sigterm: true, output: [] },
  ]);
  expect(unmarkedBlocks(markdown)).toEqual([]);
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
  ["without a reason", "<!-- not run: -->\n```sh\n```", "line 1: .*no reason"],
  ["of output of nothing", "<!-- output: a.ts -->\n```\n```", "line 1: .*follows no program"],
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

describe("a program", () => {
  const folder = mkdtempSync(join(tmpdir(), "netsvc-runs-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  it.each([
    ["prints what is shown", 'console.log("a")', { output: ["a"] }, []],
    ["prints another thing", 'console.log("b")', { output: ["a"] }, [/did not print: a/]],
    ["prints what is not shown", 'console.log("b")', {}, [/prints what is not shown/]],
    ["shows nothing, and ends", "", {}, []],
    ["fails", "process.exitCode = 3", {}, [/ended with 3/]],
    [
      "stops at SIGTERM",
      `process.once("SIGTERM", () => { console.log("b"); clearInterval(timer); });
       const timer = setInterval(() => {}, 1000);
       console.log("a");`,
      { output: ["a", "b"], sigterm: true },
      [],
    ],
    [
      "dies of SIGTERM",
      'setInterval(() => {}, 1000); console.log("a")',
      { output: ["a"], sigterm: true },
      [/ended with SIGTERM/],
    ],
  ])("that %s", async (name, code, more, problems) => {
    const script = join(folder, `${name.replaceAll(/\W/g, "-")}.mjs`);
    writeFileSync(script, code);
    const program = { name, script, sigterm: false, output: [], ...more };
    const options = { cwd: folder, env: process.env, patience: stretched(10_000) };
    const found = await runPrograms([program], options);
    expect(found).toHaveLength(problems.length);
    problems.forEach((problem, index) => {
      expect(found[index]).toMatch(problem);
    });
  });
});
