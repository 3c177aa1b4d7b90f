import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * The environment without the folders of PATH that hold a Rust toolchain.
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv}
 */
export function withoutRust(env) {
  const rust = ["cargo", "cargo.exe", "rustc", "rustc.exe"];
  const path = Object.keys(env).find((name) => name.toUpperCase() === "PATH");
  if (path === undefined) return env;
  const folders = (env[path] ?? "").split(delimiter);
  const kept = folders.filter((folder) => !rust.some((name) => existsSync(join(folder, name))));
  return { ...env, [path]: kept.join(delimiter) };
}
