import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { toolPath } from "../setup.mjs";
import { runNpm } from "./npm.mjs";
import { root } from "./root.mjs";
import { run } from "./run.mjs";

/**
 * @typedef {object} PackedAddon
 * @property {string} name of the package
 * @property {string} version
 * @property {string} tarball path
 */

/**
 * Packs the addon in native/ as the package of its platform.
 * @param {string} folder where the tarball goes
 * @returns {Promise<PackedAddon>}
 */
export async function packAddon(folder) {
  const [file, ...more] = readdirSync(join(root, "native")).filter((name) =>
    name.endsWith(".node"),
  );
  if (file === undefined || more.length > 0) throw new Error("native/ must hold one addon");
  const platforms = join(root, ".cache/platforms");
  const napi = toolPath("@napi-rs/cli", "napi");
  const args = [napi, "create-npm-dirs", "--npm-dir", platforms];
  const created = await run(process.execPath, args, { quiet: true });
  if (created.code !== 0) throw new Error(created.stdout + created.stderr);
  const staged = join(platforms, file.split(".")[1] ?? "");
  copyFileSync(join(root, "native", file), join(staged, file));
  const { name, version } = JSON.parse(readFileSync(join(staged, "package.json"), "utf8"));
  return { name, version, tarball: await pack(staged, folder) };
}

/**
 * Packs the package itself, with its addon as the optional dependency that a release adds.
 * @param {string} folder where the tarball goes
 * @param {PackedAddon} addon
 * @returns {Promise<string>} path of the tarball
 */
export async function packRoot(folder, addon) {
  const staged = join(folder, "root");
  const { files } = await describePack(root, ["--dry-run"]);
  checkFiles(files);
  for (const path of files) {
    mkdirSync(dirname(join(staged, path)), { recursive: true });
    cpSync(join(root, path), join(staged, path));
  }
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  if (manifest.version !== addon.version) throw new Error("the addon has another version");
  manifest.optionalDependencies = { [addon.name]: addon.version };
  writeFileSync(join(staged, "package.json"), JSON.stringify(manifest, null, 2));
  return pack(staged, folder);
}

/** @param {readonly string[]} files */
function checkFiles(files) {
  const wanted = [
    ...["package.json", "README.md", "LICENSE", "LICENSE-APACHE", "LICENSE-MIT"],
    ...["dist/index.js", "dist/index.d.ts", "native/binding.cjs"],
  ];
  const missing = wanted.filter((path) => !files.includes(path));
  if (missing.length > 0) throw new Error(`not packed: ${missing.join(", ")}`);
  const allowed = /^(dist\/.*\.(js|d\.ts)|native\/binding\.(cjs|d\.cts)|[\w-]+(\.md|\.json)?)$/;
  const strangers = files.filter((path) => !allowed.test(path));
  if (strangers.length > 0) throw new Error(`packed by mistake: ${strangers.join(", ")}`);
}

/**
 * @param {string} source
 * @param {string} folder
 */
async function pack(source, folder) {
  const { filename } = await describePack(source, ["--pack-destination", folder]);
  return join(folder, filename);
}

/**
 * @param {string} cwd
 * @param {readonly string[]} args
 * @returns {Promise<{ filename: string, files: string[] }>}
 */
async function describePack(cwd, args) {
  const options = { cwd, quiet: true };
  const result = await runNpm(["pack", "--json", "--ignore-scripts", ...args], options);
  if (result.code !== 0) throw new Error(result.stdout + result.stderr);
  const [packed] = JSON.parse(result.stdout);
  const files = packed.files.map((/** @type {{ path: string }} */ file) => file.path);
  return { filename: packed.filename, files };
}
