// Programs that crates.io carries as source and only checks need: built once, into .cache/cargo.

import { join } from "node:path";
import { root } from "./root.mjs";
import { run } from "./run.mjs";

/**
 * The path of a program of that very version: the user's own, or else one that is built here, which
 * takes a minute or two.
 * @param {string} name of crate and program
 * @param {string} version
 * @returns {Promise<string>}
 */
export async function cargoTool(name, version) {
  const folder = join(root, ".cache/cargo");
  const built = join(folder, "bin", name);
  for (const program of [name, built]) {
    const { code, stdout } = await run(program, ["--version"], { quiet: true });
    if (code === 0 && stdout.trim() === `${name} ${version}`) return program;
  }
  console.error(`building ${name} ${version} …`);
  // Not optimised: that would take twice as long, and it has little to do here.
  const options = ["--locked", "--debug", "--quiet", "--root", folder];
  const { code } = await run("cargo", ["install", ...options, `${name}@${version}`], {
    env: { ...process.env, CARGO_PROFILE_DEV_DEBUG: "false" },
  });
  if (code !== 0) throw new Error(`${name} ${version} could not be built`);
  return built;
}
