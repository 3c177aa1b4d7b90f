import { readdirSync, readlinkSync } from "node:fs";
import { dirname, isAbsolute, join, relative, sep } from "node:path";

/**
 * Links in a folder, as paths in it, that lead nowhere once the folder lies elsewhere.
 * @param {string} folder
 * @returns {string[]}
 */
export function linksOutside(folder) {
  return linksIn(folder)
    .filter((path) => {
      const target = readlinkSync(path);
      if (isAbsolute(target)) return true;
      return relative(folder, join(dirname(path), target)).split(sep)[0] === "..";
    })
    .map((path) => relative(folder, path));
}

/**
 * Node's own recursive reading follows links to folders in some versions, in circles.
 * @param {string} folder
 * @returns {string[]}
 */
function linksIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isSymbolicLink()) return [path];
    return entry.isDirectory() ? linksIn(path) : [];
  });
}
