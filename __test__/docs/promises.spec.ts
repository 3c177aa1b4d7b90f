// docs/promises.md against the tests that it names.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../../scripts/lib/root.mjs";

/** Promises are numbered from 1. */
const PROMISES = 23;
/** Tests of these name their promises in their titles. */
const FOLDERS = ["e2e", "ose", "scale"];

interface Named {
  readonly promise: number;
  readonly file: string;
  readonly test: string;
}

const named = [...testsOf(readFileSync(join(root, "docs/promises.md"), "utf8"))];

describe("docs/promises.md", () => {
  it.each(Array.from({ length: PROMISES }, (_, index) => index + 1))(
    "names a test of promise %i",
    (promise) => {
      expect(named.filter((test) => test.promise === promise)).not.toEqual([]);
    },
  );

  it("names no promise that there is not", () => {
    expect(named.filter(({ promise }) => promise < 1 || promise > PROMISES)).toEqual([]);
  });

  it("names tests that exist", () => {
    expect(named.filter(({ file, test }) => !exists(file, test))).toEqual([]);
  });

  it("names no test twice under one promise", () => {
    const keys = named.map(({ promise, file, test }) => `${promise} ${file} ${test}`);
    expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([]);
  });
});

describe.each(FOLDERS)("tests of %s", (folder) => {
  it("name promises that there are", () => {
    const path = join(root, "__test__", folder);
    const titles = readdirSync(path)
      .filter((name) => name.endsWith(".spec.ts"))
      .flatMap((name) => numbersIn(readFileSync(join(path, name), "utf8")));
    expect(titles.length).toBeGreaterThan(0);
    expect(titles.filter((number) => number < 1 || number > PROMISES)).toEqual([]);
  });
});

describe("the check", () => {
  it("finds what a row names, also titles with backticks", () => {
    const rows = "## 7. Seven\n\n| `a.rs` | `one`<br>`` says `two` `` |\n| file | tests |\n";
    expect([...testsOf(rows)]).toEqual([
      { promise: 7, file: "a.rs", test: "one" },
      { promise: 7, file: "a.rs", test: "says `two`" },
    ]);
  });

  it("takes a function for a test only if it is marked as one", () => {
    const rust = "fn helper() {}\n#[test]\nfn real() { helper(); }\n";
    expect(isRustTest(rust, "real")).toBe(true);
    expect(isRustTest(rust, "helper")).toBe(false);
    expect(isRustTest(rust, "rea")).toBe(false);
  });

  it("takes a text for a title only where a test is declared", () => {
    const source = 'it("one", () => {});\nit.each([1])(\n  "two %i", () => { call(2, "three"); });';
    expect(isTypeScriptTest(source, "one")).toBe(true);
    expect(isTypeScriptTest(source, "two %i")).toBe(true);
    expect(isTypeScriptTest(source, "three")).toBe(false);
  });
});

/** Rows `| file | test<br>test |` under headings `## number. …`. */
function* testsOf(markdown: string): Generator<Named> {
  let promise = 0;
  for (const line of markdown.split("\n")) {
    promise = Number(/^## (\d+)\. /.exec(line)?.[1] ?? promise);
    const [, file, tests] = /^\| `([^`]+)` \| (.+) \|$/.exec(line) ?? [];
    if (file === undefined || tests === undefined) continue;
    for (const cell of tests.split("<br>")) {
      const [, , test] = /^(`+) ?(.+?) ?\1$/.exec(cell) ?? [];
      yield { promise, file, test: test ?? cell };
    }
  }
}

function exists(file: string, test: string): boolean {
  const path = join(root, file);
  if (!existsSync(path)) return false;
  const source = readFileSync(path, "utf8");
  return file.endsWith(".rs") ? isRustTest(source, test) : isTypeScriptTest(source, test);
}

/** Attributes and nothing else may stand between the mark and the function. */
function isRustTest(source: string, name: string): boolean {
  return new RegExp(
    `#\\[(?:tokio::)?test\\]\\s*(?:#\\[[^\\]]*\\]\\s*)*fn ${literal(name)}\\s*\\(`,
  ).test(source);
}

/** The title is the first argument of `it`, `test`, or of what their `each` returns. */
function isTypeScriptTest(source: string, title: string): boolean {
  const declared = `(?:\\b(?:it|test)(?:\\.\\w+)*|[\\])\`])\\(\\s*`;
  return new RegExp(`${declared}(["'\`])${literal(title)}\\1,`).test(source);
}

/** Of titles that end in numbers in parentheses, the numbers; words among them are not promises. */
function numbersIn(source: string): number[] {
  const lists = source.matchAll(/\(((?:[a-z]+|\d+)(?:, (?:[a-z]+|\d+))*)\)["'`],/g);
  return [...lists]
    .flatMap(([, list = ""]) => list.split(", "))
    .filter((word) => /^\d+$/.test(word))
    .map(Number);
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
