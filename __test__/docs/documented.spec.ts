// Every class and code of an error, and every limit, is in the docs, and the docs name no others.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../../scripts/lib/root.mjs";

const errors = read("docs/errors.md");
const limits = read("docs/limits.md");

describe("docs/errors.md", () => {
  it("has every class, and no other", () => {
    const classes = all(read("ts/errors.ts"), /export class (\w+)/g);
    expect(classes.length).toBeGreaterThan(5);
    expect(firstCells(section(errors, "Classes"))).toEqual(sorted(classes));
  });

  it("has every code of a request", () => {
    const codes = union("RequestCode");
    expect(firstCells(section(errors, "Requests"))).toEqual(sorted(codes));
    expect(sorted(codes)).toEqual(sorted(namesOfRust("outcome")));
  });

  it("has every code of a link", () => {
    const codes = union("LinkCode");
    expect(firstCells(section(errors, "Links"))).toEqual(sorted(codes));
    // Two are this side's own.
    const wire = codes.filter((code) => code !== "link-lost" && code !== "unknown");
    const listed = /LINK_CODES = \{([^}]*)/.exec(read("ts/border/numbers.ts"))?.[1] ?? "";
    expect(sorted(wire)).toEqual(sorted(all(listed, /\d+: "([\w-]+)"/g)));
    expect(sorted(wire)).toEqual(sorted(namesOfRust("reason")));
  });

  it("has every code of listening", () => {
    const source = read("crates/netsvc-net/src/transport/listen_error.rs");
    const declared = /Stable, to branch on:([\s\S]*?)\.\n/.exec(source)?.[1] ?? "";
    // These two are errors of the exchange, whatever the command.
    const codes = all(declared, /`([\w-]+)`/g).filter((code) => !/^(closed|role)$/.test(code));
    expect(codes.length).toBeGreaterThan(3);
    expect(firstCells(section(errors, "Listening"))).toEqual(sorted(codes));
  });

  it("has every code of a command", () => {
    const rust = [
      ...all(read("crates/netsvc-core/src/error.rs"), /=> "([\w-]+)"/g),
      ...all(read("crates/netsvc-node/src/error.rs"), /Self = Self\("([\w-]+)"\)/g),
    ];
    const own = all(read("ts/errors.ts"), /super\("([\w-]+)"/g);
    expect(rust.length).toBeGreaterThan(5);
    expect(own.length).toBeGreaterThan(5);
    const documented = firstCells(section(errors, "Exchanges and commands"));
    expect([...rust, ...own].filter((code) => !documented.includes(code))).toEqual([]);
  });
});

describe("docs/limits.md", () => {
  const rows = tableRows(section(limits, "By name"));

  it("has every limit, and no other", () => {
    const declared =
      /export interface Limits \{([\s\S]*?)\n\}/.exec(read("ts/options/limits.ts"))?.[1] ?? "";
    const names = all(declared, /^ {2}(\w+)\?:/gm);
    expect(names.length).toBeGreaterThan(5);
    expect(sorted(rows.map(([name = ""]) => plain(name)))).toEqual(sorted(names));
  });

  it("has the core's defaults", () => {
    const source = read("crates/netsvc-core/src/limits.rs");
    const defaults = /impl Default for Limits \{([\s\S]*)/.exec(source)?.[1] ?? "";
    const values = [...defaults.matchAll(/^\s+(\w+): ([\d_]+)(?: << (\d+))?,$/gm)];
    expect(values.length).toBe(rows.length);
    const expected = values.map(([, name = "", base = "", shift = "0"]) => [
      name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
      Number(base.replaceAll("_", "")) * 2 ** Number(shift),
    ]);
    const documented = rows.map(([name = "", value = ""]) => [plain(name), amount(value)]);
    expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(expected));
  });
});

function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** What stands under a heading, up to the next. */
function section(markdown: string, heading: string): string {
  const [, text] =
    new RegExp(`^## ${heading}\\n([\\s\\S]*?)(?=^## |(?![\\s\\S]))`, "m").exec(markdown) ?? [];
  if (text === undefined) throw new Error(`there is no heading ${heading}`);
  return text;
}

/** Cells of all rows below the heads of tables. */
function tableRows(markdown: string): string[][] {
  return markdown
    .split("\n")
    .filter((line) => /^\| .* \|$/.test(line) && /^\| `/.test(line))
    .map((line) => line.slice(2, -2).split(" | "));
}

/** Code words of all first cells, which may hold several. */
function firstCells(markdown: string): string[] {
  return sorted(tableRows(markdown).flatMap(([first = ""]) => all(first, /`([^`]+)`/g)));
}

function plain(cell: string): string {
  return cell.replaceAll("`", "");
}

/** "65,536" or "32 MiB" as a number. */
function amount(text: string): number {
  const [, digits = "", unit] = /^([\d,]+)( MiB)?$/.exec(text) ?? [];
  return Number(digits.replaceAll(",", "")) * (unit === undefined ? 1 : 2 ** 20);
}

/** Members of a union of literals in ts/errors.ts. */
function union(name: string): string[] {
  const [, text = ""] =
    new RegExp(`export type ${name} =([^;]*);`).exec(read("ts/errors.ts")) ?? [];
  return all(text, /"([\w-]+)"/g);
}

/** Variants of the first enum of codes in a file of the core, as applications see them. */
function namesOfRust(file: string): string[] {
  const source = read(`crates/netsvc-core/src/${file}.rs`);
  const variants = /pub const ALL: \[Self; \d+\] = \[([^\]]*)\]/.exec(source)?.[1] ?? "";
  return all(variants, /Self::(\w+)/g).map((variant) =>
    variant.replace(/(?<!^)[A-Z]/g, (letter) => `-${letter}`).toLowerCase(),
  );
}

function all(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, found = ""]) => found);
}

function sorted(words: readonly string[]): string[] {
  return [...new Set(words)].sort();
}
