// zizmor, which sees what makes workflows unsafe: rights that are too wide, input that becomes
// code. PyPI carries it as a program.

import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { installDebian } from "./debian.mjs";
import { root } from "./root.mjs";
import { run } from "./run.mjs";

const wanted = join(root, "scripts/tools/zizmor.txt");
const folder = join(root, ".cache/zizmor");

/**
 * Checks .github by what can be known without the network; resolves with the exit code.
 * @returns {Promise<number>}
 */
export async function zizmor() {
  const installed = join(folder, "installed.txt");
  const text = () => (existsSync(installed) ? readFileSync(installed, "utf8") : "");
  if (text() !== readFileSync(wanted, "utf8")) {
    await install();
    copyFileSync(wanted, installed);
  }
  const args = ["--offline", "--no-progress", "--quiet", ".github"];
  return (await run(join(folder, "bin/zizmor"), args)).code;
}

async function install() {
  console.error("installing zizmor …");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const pip = ["-m", "pip", "--disable-pip-version-check", "--quiet"];
  if ((await run("python3", [...pip, "--version"], { quiet: true })).code !== 0)
    await installDebian(["python3-pip"]);
  const args = [...pip, "install", "--target", folder, "--require-hashes", "--no-deps"];
  const options = ["--only-binary", ":all:", "--requirement", wanted];
  const { code, stderr } = await run("python3", [...args, ...options], { quiet: true });
  if (code !== 0) throw new Error(`zizmor cannot be installed: ${stderr}`);
}
