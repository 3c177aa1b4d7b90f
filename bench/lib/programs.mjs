import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../../scripts/lib/run.mjs";

const modules = fileURLToPath(new URL("../node_modules", import.meta.url));

/**
 * Where a server is: in PATH, or where Debian puts servers.
 * @param {string} name
 */
export function findProgram(name) {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/**
 * Why a peer of a server and a package cannot be measured.
 * @param {string | undefined} server
 * @param {string} packageName
 */
export function missingOf(server, packageName) {
  if (server !== undefined && findProgram(server) === undefined)
    return `${server} is not installed`;
  if (!existsSync(join(modules, packageName))) return `${packageName} is not installed`;
  return undefined;
}

/** @param {string} packageName */
export function packageVersion(packageName) {
  const text = readFileSync(join(modules, packageName, "package.json"), "utf8");
  return `${packageName} ${JSON.parse(text).version}`;
}

/**
 * What a server says of itself.
 * @param {string} name
 */
export async function programVersion(name) {
  const path = findProgram(name) ?? name;
  for (const flag of ["--version", "-h"]) {
    const { stdout } = await run(path, [flag], { quiet: true });
    const found = /\d+\.\d+\.\d+/.exec(stdout);
    if (found !== null) return `${name} ${found[0]}`;
  }
  return name;
}
