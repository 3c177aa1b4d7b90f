import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runNpm } from "../../scripts/lib/npm.mjs";

const folder = fileURLToPath(new URL("..", import.meta.url));

/**
 * Installs the clients of other products when they are not as bench/package-lock.json has them.
 * @returns {Promise<boolean>} false: that failed, the peers that need them will say so
 */
export async function installPeers() {
  const lock = readFileSync(`${folder}/package-lock.json`, "utf8");
  const stamp = `${folder}/node_modules/.package-lock.json`;
  if (existsSync(stamp) && sameVersions(lock, readFileSync(stamp, "utf8"))) return true;
  console.error("bench: installing the clients of other products (npm ci)");
  return (await runNpm(["ci", "--loglevel=error"], { cwd: folder })).code === 0;
}

/**
 * @param {string} wanted
 * @param {string} installed
 */
function sameVersions(wanted, installed) {
  /** @type {Record<string, { version?: string }>} */
  const found = JSON.parse(installed).packages;
  /** @type {Array<[string, { version?: string, optional?: boolean }]>} */
  const all = Object.entries(JSON.parse(wanted).packages);
  return all.every(
    ([path, { version, optional }]) =>
      path === "" || (optional && !found[path]) || found[path]?.version === version,
  );
}
