// `npm run lock`: brings package-lock.json up to date with package.json.
//
// npm leaves optional platform packages out of the lock file when the registry in use does not
// carry them (mirrors often hold only some platforms), and `npm ci` then refuses the file. The
// missing entries are written here from their names, without a checksum; npm adds that where it
// can.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { npm } from "./lib/npm.mjs";
import { root } from "./lib/root.mjs";

/**
 * @typedef {object} Entry
 * @property {string} [version]
 * @property {boolean} [dev]
 * @property {boolean} [optional]
 * @property {Record<string, string>} [optionalDependencies]
 */

const code = await npm(["install", "--package-lock-only"]);
if (code !== 0) process.exit(code);

const path = join(root, "package-lock.json");
/** @type {{ packages: Record<string, Entry> }} */
const lock = JSON.parse(readFileSync(path, "utf8"));
let added = 0;
for (const [key, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (key === "" || isLocked(key, name)) continue;
    if (!/^\d+\.\d+\.\d+$/.test(version)) {
      console.error(`lock: ${name}@${version} is not an exact version and cannot be completed`);
      process.exit(1);
    }
    lock.packages[`node_modules/${name}`] = {
      version,
      ...platform(name),
      ...(entry.dev === true ? { dev: true } : {}),
      optional: true,
    };
    added += 1;
  }
}
const sorted = Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, "en"));
lock.packages = Object.fromEntries(sorted);
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`lock: ${sorted.length} packages, ${added} of them completed from their names`);

/**
 * Whether `name` is found from the package at `key` by the rules of node_modules.
 * @param {string} key
 * @param {string} name
 */
function isLocked(key, name) {
  for (let folder = key; ; folder = folder.slice(0, folder.lastIndexOf("/node_modules/"))) {
    if (`${folder}/node_modules/${name}` in lock.packages) return true;
    if (!folder.includes("/node_modules/")) return `node_modules/${name}` in lock.packages;
  }
}

/**
 * What a name such as `@napi-rs/tar-linux-arm64-musl` says about where the package runs.
 * @param {string} name
 */
function platform(name) {
  const words = name.split(/[-/]/);
  const os = words.find((word) =>
    ["android", "darwin", "freebsd", "linux", "openharmony", "win32"].includes(word),
  );
  const cpu = words.find((word) =>
    ["arm", "arm64", "ia32", "ppc64", "riscv64", "s390x", "wasm32", "x64"].includes(word),
  );
  if (cpu === undefined || (os === undefined && cpu !== "wasm32")) {
    console.error(`lock: the name ${name} does not say its platform`);
    process.exit(1);
  }
  const libc = words.includes("musl") ? "musl" : words.includes("gnu") ? "glibc" : undefined;
  return {
    cpu: [cpu],
    ...(libc === undefined ? {} : { libc: [libc] }),
    ...(os === undefined ? {} : { os: [os] }),
  };
}
