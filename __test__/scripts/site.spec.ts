import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { deadLinks } from "../../scripts/site/links.mjs";
import { groups } from "../../scripts/site/pages.mjs";
import { stagePages, withLinks } from "../../scripts/site/stage.mjs";

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "netsvc-site-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("all pages are staged, with links to each other and to copies of files", () => {
  const site = folder();
  stagePages(site);
  const page = (name: string) => readFileSync(join(site, name), "utf8");
  const named = groups.flatMap(({ items }) => items).filter(({ page }) => !/^api/.test(page));
  for (const { page: name } of named) expect(page(name)).toMatch(/^# /m);
  expect(page("index.md")).toContain("](./deploy.md#bundlers)");
  expect(page("index.md")).toContain("](./diagrams/parts.svg)");
  expect(page("index.md")).toContain("](./bench/index.md)");
  expect(page("bench/index.md")).toContain("](./method.md)");
  expect(page("deploy.md")).toContain("](./files/netsvcd.service.txt)");
  expect(page("public/files/netsvcd.service.txt")).toContain("[Service]");
});

test("links in code are left alone", () => {
  const markdown = "[a](b.md)\n```md\n[a](b.md)\n```\n[c](d.md) ![e](f.svg)";
  expect(withLinks(markdown, (link) => `x/${link}`)).toBe(
    "[a](x/b.md)\n```md\n[a](b.md)\n```\n[c](x/d.md) ![e](x/f.svg)",
  );
});

test("links of built pages to nothing are found", () => {
  const site = folder();
  mkdirSync(join(site, "api"));
  writeFileSync(join(site, "logo.svg"), "<svg/>");
  writeFileSync(
    join(site, "index.html"),
    `<h1 id="top">a</h1> <a href="/base/api/#one">good</a> <a href="#top">good</a>
     <a href="https://example.org/none">elsewhere</a> <img src="./logo.svg">
     <a href="./api/other">bad</a> <a href="/base/api/index.html#two">bad</a> <img src="none.svg">`,
  );
  writeFileSync(
    join(site, "api/index.html"),
    '<h2 id="one">b</h2> <a href="../index#top">good</a>',
  );
  expect(deadLinks(site, "/base/")).toEqual([
    "index.html leads to ./api/other",
    "index.html leads to /base/api/index.html#two: no such heading",
    "index.html leads to none.svg",
  ]);
});
