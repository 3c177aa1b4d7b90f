// Programs that only checks need (scripts/tools/package.json), and those of the rehearsal of a
// release (scripts/tools/registry): installed when one is first asked for, so that `npm ci` for
// everybody stays small.

import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { runNpm } from "./npm.mjs";
import { root } from "./root.mjs";

/** @typedef {"tools" | "tools/registry"} ToolSet */

/**
 * The folder of an installed tool.
 * @param {string} name of its package
 * @param {ToolSet} [set] the folder in scripts/ that names it
 * @returns {Promise<string>}
 */
export async function toolFolder(name, set = "tools") {
  const folder = join(root, ".cache", set.replace("/", "-"));
  if (!isInstalled(folder, set)) {
    console.error("installing the tools for checks …");
    mkdirSync(folder, { recursive: true });
    for (const file of ["package.json", "package-lock.json"])
      copyFileSync(join(root, "scripts", set, file), join(folder, file));
    const options = { cwd: folder, quiet: true };
    const { code, stdout, stderr } = await runNpm(["ci", "--ignore-scripts"], options);
    if (code !== 0) throw new Error(`npm ci failed for the tools:\n${stdout}${stderr}`);
  }
  return join(folder, "node_modules", name);
}

/**
 * The script of a tool's program.
 * @param {string} name
 * @param {string} program
 * @param {ToolSet} [set]
 * @returns {Promise<string>}
 */
export async function toolScript(name, program, set) {
  const installed = await toolFolder(name, set);
  const { bin } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  return join(installed, typeof bin === "string" ? bin : bin[program]);
}

/**
 * npm writes its own copy of the lock file when it has finished.
 * @param {string} folder
 * @param {ToolSet} set
 */
function isInstalled(folder, set) {
  const lock = join(folder, "package-lock.json");
  const wanted = join(root, "scripts", set, "package-lock.json");
  if (!existsSync(join(folder, "node_modules/.package-lock.json")) || !existsSync(lock))
    return false;
  return readFileSync(lock, "utf8") === readFileSync(wanted, "utf8");
}
