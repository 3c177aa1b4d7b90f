// Puts the repository's pages where the site is built from, with links that fit there: to pages of
// the site, or to a copy of the file.

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, posix } from "node:path";
import { root } from "../lib/root.mjs";
import { groups } from "./pages.mjs";

const entries = groups.flatMap(({ items }) => items);
const pageOf = new Map(entries.map(({ source, page }) => [source, page]));

/**
 * Throws if a page leads nowhere, or is not in the list.
 * @param {string} folder
 */
export function stagePages(folder) {
  const unlisted = readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .filter((name) => !pageOf.has(`docs/${name}`));
  if (unlisted.length > 0)
    throw new Error(`scripts/site/pages.mjs does not name ${unlisted.join(", ")}`);
  for (const { source, page } of entries) {
    if (source.startsWith("api/")) continue; // made by TypeDoc
    const text = readFileSync(join(root, source), "utf8");
    const path = join(folder, page);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(
      path,
      withLinks(text, (link) => moved(link, source, page, folder)),
    );
  }
}

/**
 * The text with other targets of its links, but for those within code.
 * @param {string} markdown
 * @param {(link: string) => string} target
 */
export function withLinks(markdown, target) {
  let fence = "";
  return markdown
    .split("\n")
    .map((line) => {
      const found = /^(`{3,}|~{3,})/.exec(line)?.[1];
      if (fence !== "") {
        if (line.trim() === fence) fence = "";
        return line;
      }
      if (found !== undefined) fence = found;
      return line.replaceAll(/\]\(([^)\s]+)\)/g, (_, link) => `](${target(link)})`);
    })
    .join("\n");
}

/**
 * @param {string} link
 * @param {string} source the file that has it
 * @param {string} page what becomes of that
 * @param {string} folder
 */
function moved(link, source, page, folder) {
  if (/^\w+:|^#/.test(link)) return link;
  const [path = "", anchor] = link.split("#");
  const file = withIndex(posix.join(posix.dirname(source), path));
  if (!existsSync(join(root, file))) throw new Error(`${source} leads to ${link}`);
  const to = pageOf.get(file) ?? copied(file, folder);
  const relative = posix.relative(posix.dirname(page), to);
  return `${relative.startsWith(".") ? "" : "./"}${relative}${anchor === undefined ? "" : `#${anchor}`}`;
}

/** @param {string} path */
function withIndex(path) {
  const index = posix.join(path, "README.md");
  return existsSync(join(root, index)) ? index : path.replace(/\/$/, "");
}

/**
 * Pictures lie beside the pages, where the build takes them up; everything else is served as it is,
 * by a name that browsers show.
 * @param {string} file
 * @param {string} folder
 */
function copied(file, folder) {
  const picture = file.endsWith(".svg");
  const to = picture ? file.replace(/^docs\//, "") : `files/${basename(file)}.txt`;
  const path = join(folder, picture ? to : `public/${to}`);
  mkdirSync(dirname(path), { recursive: true });
  copyFileSync(join(root, file), path);
  return to;
}
