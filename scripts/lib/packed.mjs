// A folder with all that a release publishes: the tarballs, `packages.json` that lists them in the
// order in which they are published, and `SHA256SUMS` of every file beside it.

import { createHash } from "node:crypto";
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

/**
 * @typedef {object} Packed
 * @property {string} name of the package
 * @property {string} version
 * @property {string} file the tarball's name in the folder
 * @property {string} integrity as the registry tells it of what it has
 */

const LIST = "packages.json";
const SUMS = "SHA256SUMS";

/**
 * Copies the tarballs into a folder, and lists them and what else is there.
 * @param {string} folder
 * @param {ReadonlyArray<{ name: string, version: string, tarball: string }>} packages
 */
export function writePacked(folder, packages) {
  const list = packages.map(({ name, version, tarball }) => {
    const integrity = `sha512-${hash("sha512", tarball, "base64")}`;
    const file = basename(tarball);
    copyFileSync(tarball, join(folder, file));
    return { name, version, file, integrity };
  });
  writeFileSync(join(folder, LIST), `${JSON.stringify(list, null, 2)}\n`);
  const files = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== SUMS)
    .map(({ name }) => name)
    .sort();
  const sums = files.map((name) => `${hash("sha256", join(folder, name), "hex")}  ${name}\n`);
  writeFileSync(join(folder, SUMS), sums.join(""));
}

/**
 * The packages in such a folder; throws when a file is not what it was when it was packed.
 * @param {string} folder
 * @returns {Packed[]}
 */
export function readPacked(folder) {
  for (const line of readFileSync(join(folder, SUMS), "utf8").trim().split("\n")) {
    const [sum = "", name = ""] = line.split("  ");
    const path = join(folder, name);
    if (!existsSync(path)) throw new Error(`${name} is missing`);
    if (hash("sha256", path, "hex") !== sum)
      throw new Error(`${name} is not what ${SUMS} says: it was changed since it was packed`);
  }
  return JSON.parse(readFileSync(join(folder, LIST), "utf8"));
}

/**
 * @param {string} algorithm
 * @param {string} path
 * @param {"hex" | "base64"} encoding
 */
function hash(algorithm, path, encoding) {
  return createHash(algorithm).update(readFileSync(path)).digest(encoding);
}
