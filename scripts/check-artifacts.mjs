// `node scripts/check-artifacts.mjs [platform…]`: whether what lies in artifacts/ may be published:
// of the right processor, for old C libraries, small, showing nothing but what it must. Without
// names everything there is checked. Prints a table; every line of it must be fit.

import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { installDebian } from "./lib/debian.mjs";
import { faultsOf, inspect } from "./lib/elf.mjs";
import { root } from "./lib/root.mjs";
import { addonName, HUB, targets, targetsOf } from "./lib/targets.mjs";

/** @typedef {import("./lib/targets.mjs").Target} Target */

const artifacts = join(root, "artifacts");

try {
  await installDebian(["binutils"]);
  const named = process.argv.slice(2);
  const built = targets.filter(({ platform }) => existsSync(join(artifacts, platform)));
  const chosen = named.length > 0 ? targetsOf(named) : built;
  if (chosen.length === 0) throw new Error("there are no artifacts: npm run build:targets");
  const rows = [];
  for (const target of chosen) rows.push(...(await check(target)));
  console.log(table(rows.map(({ cells }) => cells)));
  const faults = rows.flatMap((row) => row.faults);
  for (const fault of faults) console.error(`artifacts: ${fault}`);
  process.exit(faults.length === 0 ? 0 : 1);
} catch (error) {
  console.error(`artifacts: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}

/**
 * @param {Target} target
 * @returns {Promise<{ cells: string[], faults: string[] }[]>}
 */
async function check(target) {
  const folder = join(artifacts, target.platform);
  const addon = addonName(target);
  const found = existsSync(folder) ? readdirSync(folder) : [];
  const wanted = [addon, ...(existsSync(join(root, "crates/netsvc-hub")) ? [HUB] : [])];
  const missing = wanted.filter((name) => !found.includes(name));
  if (missing.length > 0) throw new Error(`${target.platform}: ${missing.join(", ")} is missing`);
  const rows = [];
  for (const name of wanted) {
    const path = join(folder, name);
    const elf = await inspect(path);
    const { size } = statSync(path);
    const faults = faultsOf(elf, { target, size, addon: name === addon });
    const cells = [target.platform, name === addon ? "addon" : HUB, kilobytes(size)];
    cells.push(elf.machine, elf.glibc ?? "-", elf.needed.join(" ") || "nothing");
    cells.push(elf.exported.join(" ") || "nothing", faults.length === 0 ? "fit" : "UNFIT");
    rows.push({ cells, faults: faults.map((fault) => `${target.platform}/${name}: ${fault}`) });
  }
  return rows;
}

/** @param {number} bytes */
function kilobytes(bytes) {
  return `${(bytes / 1000).toFixed(0)} kB`;
}

/** @param {readonly string[][]} rows */
function table(rows) {
  const head = ["platform", "file", "size", "processor", "glibc", "needed", "exported", ""];
  const lines = [head, ...rows];
  const widths = head.map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  return lines
    .map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "))
    .map((line) => line.trimEnd())
    .join("\n");
}
