import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * The environment without the folders of PATH that hold a Rust toolchain, and without the variable
 * that tells the loader of the addon to take another file.
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv}
 */
export function withoutRust(env) {
  const { NAPI_RS_NATIVE_LIBRARY_PATH: _, ...rest } = env;
  const rust = ["cargo", "cargo.exe", "rustc", "rustc.exe"];
  const path = Object.keys(rest).find((name) => name.toUpperCase() === "PATH");
  if (path === undefined) return rest;
  const folders = (rest[path] ?? "").split(delimiter);
  const kept = folders.filter((folder) => !rust.some((name) => existsSync(join(folder, name))));
  return { ...rest, [path]: kept.join(delimiter) };
}
