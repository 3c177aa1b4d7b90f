// What the documents name and where they lead: files, headings, scripts.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { anchorOf } from "../../scripts/lib/anchors.mjs";
import { root } from "../../scripts/lib/root.mjs";

/** They name files by the ends of their paths. */
const FOR_DEVELOPERS = ["ARCHITECTURE.md", "CONTRIBUTING.md"];
const FOLDERS = ["__test__", "crates", "examples", "scripts", "ts"];

const documents = [
  ...[...FOR_DEVELOPERS, "CHANGELOG.md", "README.md", "bench/README.md"],
  ...readdirSync(join(root, "docs")).flatMap((name) =>
    name.endsWith(".md") ? [`docs/${name}`] : [],
  ),
];
const files = FOLDERS.flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map(
    (name) => `/${folder}/${name.replaceAll("\\", "/")}`,
  ),
);
const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };

describe("the documents", () => {
  it.each(documents)("lead to what is there: %s", (document) => {
    const missing = linksOf(read(document)).filter((link) => !leads(document, link));
    expect(missing).toEqual([]);
  });

  it.each(documents)("name scripts that there are: %s", (document) => {
    const named = all(read(document), /npm run ([\w:]+)/g);
    expect(named.filter((script) => !(script in scripts))).toEqual([]);
  });

  it.each(documents)("name files that there are: %s", (document) => {
    const pattern = FOR_DEVELOPERS.includes(document)
      ? /(?<![\w./])([\w-]+(?:\/[\w.-]+)*\.(?:rs|ts|mjs))\b/g
      : /`((?:crates|ts|scripts|__test__)\/[\w./-]+)`/g;
    expect(all(read(document), pattern).filter((file) => !isThere(file))).toEqual([]);
  });
});

describe("README.md", () => {
  it("leads to every page for users", () => {
    const links = linksOf(read("README.md")).map((link) => link.split("#")[0]);
    const pages = documents.filter((name) => name.startsWith("docs/") && !/attacks/.test(name));
    expect(pages.filter((page) => !links.includes(page))).toEqual([]);
  });
});

describe("CONTRIBUTING.md", () => {
  it("has every check", () => {
    const checks = Object.keys(scripts).filter((name) => /^(check|test|bench|lint)\b/.test(name));
    const named = all(read("CONTRIBUTING.md"), /npm (?:run )?([\w:]+)/g);
    expect(checks.filter((name) => !named.includes(name))).toEqual([]);
  });
});

describe("the check", () => {
  it("finds headings by what links say of them", () => {
    expect(headings("## What it is, and `is not`\n### A-B")).toEqual([
      "what-it-is-and-is-not",
      "a-b",
    ]);
  });

  it("finds links, but not to other hosts", () => {
    expect(linksOf("[a](b.md#c) and [d](https://e.org) ![f](g.svg)")).toEqual(["b.md#c", "g.svg"]);
  });
});

function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

function linksOf(markdown: string): string[] {
  return all(markdown, /\]\(([^)\s]+)\)/g).filter((link) => !/^\w+:/.test(link));
}

function leads(document: string, link: string): boolean {
  const [path = "", heading] = link.split("#");
  const target = path === "" ? document : join(dirname(document), path);
  if (!existsSync(join(root, target))) return false;
  return heading === undefined || headings(read(target)).includes(heading);
}

function headings(markdown: string): string[] {
  return all(markdown, /^#+ (.+)$/gm).map(anchorOf);
}

/** Generated ones are not looked for. */
function isThere(file: string): boolean {
  return file.startsWith("dist/") || files.some((path) => path.endsWith(`/${file}`));
}

function all(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, found = ""]) => found);
}
