// Whether everything that the built pages lead to is there: pages, files, and headings.

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, posix } from "node:path";

/**
 * @param {string} folder of the built site
 * @param {string} base what its addresses begin with
 * @returns {string[]} what is wrong
 */
export function deadLinks(folder, base) {
  const pages = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => name.replaceAll("\\", "/"))
    .filter((name) => name.endsWith(".html") && name !== "404.html");
  const texts = new Map(pages.map((page) => [page, readFileSync(join(folder, page), "utf8")]));
  const anchors = new Map(
    [...texts].map(([page, text]) => [page, new Set(all(text, /\sid="([^"]+)"/g))]),
  );
  const faults = [];
  for (const [page, text] of texts) {
    for (const link of new Set(all(text, /\s(?:href|src)="([^"]+)"/g))) {
      if (/^\w+:|^\/\//.test(link)) continue;
      const [path = "", anchor = ""] = link.split("#");
      const target = path === "" ? page : fileOf(folder, page, path, base);
      if (target === undefined) faults.push(`${page} leads to ${link}`);
      else if (anchor !== "" && anchors.get(target)?.has(decodeURIComponent(anchor)) === false)
        faults.push(`${page} leads to ${link}: no such heading`);
    }
  }
  return faults;
}

/**
 * @param {string} folder
 * @param {string} page
 * @param {string} path
 * @param {string} base
 * @returns {string | undefined} relative to `folder`
 */
function fileOf(folder, page, path, base) {
  const decoded = decodeURI(path);
  const within = decoded.startsWith("/")
    ? decoded.slice(base.length)
    : posix.join(posix.dirname(page), decoded);
  const candidates = [within, `${within}.html`, posix.join(within, "index.html")];
  return candidates.find((name) => {
    const file = join(folder, name);
    return existsSync(file) && statSync(file).isFile();
  });
}

/**
 * @param {string} text
 * @param {RegExp} pattern
 */
function all(text, pattern) {
  return [...text.matchAll(pattern)].map(([, found = ""]) => found.replaceAll("&amp;", "&"));
}
