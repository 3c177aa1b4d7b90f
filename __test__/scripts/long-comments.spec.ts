import { expect, test } from "vitest";
import { longComments, MOST_COLUMNS } from "../../scripts/lib/long-comments.mjs";

/** A line of so many columns. */
const line = (start: string, columns = MOST_COLUMNS + 1) => start.padEnd(columns, "x");

test.each(["// ", "/// ", "//! ", "    // ", "/* ", "/** "])(
  "a long line from `%s` is found",
  (start) => {
    expect(longComments(line(start))).toEqual([1]);
    expect(longComments(line(start, MOST_COLUMNS))).toEqual([]);
  },
);

test("all lines of a block are comments, and none after it", () => {
  const source = ["/**", line(" * "), line("no star "), " */", line("code "), line("// ")];
  expect(longComments(source.join("\n"))).toEqual([2, 3, 6]);
});

test("a block that ends in its line is over", () => {
  expect(longComments(`/** short */\n${line("code ")}`)).toEqual([]);
});

test("a comment after code is one, and slashes in a string are not", () => {
  expect(longComments(line("const a = 1; // "))).toEqual([1]);
  expect(longComments(`${line('const a = "b // ')}";`)).toEqual([]);
  expect(longComments(line("const a = 'https://b/"))).toEqual([]);
});

test("columns are characters, not bytes", () => {
  expect(longComments(`// ${"ö".repeat(MOST_COLUMNS - 3)}`)).toEqual([]);
  expect(longComments(`// ${"ö".repeat(MOST_COLUMNS - 2)}`)).toEqual([1]);
});
