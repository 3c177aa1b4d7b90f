import { run } from "./run.mjs";

/**
 * Runs npm and passes its output on; resolves with its exit code.
 * @param {readonly string[]} args
 * @returns {Promise<number>}
 */
export async function npm(args) {
  return (await runNpm(args)).code;
}

/**
 * Runs npm: the very copy that runs this script, if one does (its path is then in the environment).
 * @param {readonly string[]} args
 * @param {import("./run.mjs").RunOptions} [options]
 */
export function runNpm(args, options = {}) {
  const quiet = ["--no-audit", "--no-fund", "--no-update-notifier"];
  const path = process.env.npm_execpath;
  if (path?.endsWith(".js")) return run(process.execPath, [path, ...args, ...quiet], options);
  const windows = process.platform === "win32";
  return run("npm", [...args, ...quiet], { ...options, shell: windows });
}
