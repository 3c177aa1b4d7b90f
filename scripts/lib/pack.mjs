import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { toolPath } from "../setup.mjs";
import { runNpm } from "./npm.mjs";
import { publicationFaults, publicationOf } from "./publication.mjs";
import { root } from "./root.mjs";
import { run } from "./run.mjs";
import { isHub } from "./targets.mjs";

const LICENCES = ["LICENSE", "LICENSE-APACHE", "LICENSE-MIT"];

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
  return packPlatform(folder, file.split(".")[1] ?? "", [join(root, "native", file)]);
}

/**
 * Packs what `npm run build:targets` made for these platforms, each as its package.
 * @param {string} folder where the tarballs go
 * @param {readonly string[]} platforms
 * @param {string} [built] where it made it
 * @returns {Promise<PackedAddon[]>}
 */
export async function packArtifacts(folder, platforms, built = join(root, "artifacts")) {
  const packed = [];
  for (const platform of platforms) {
    const artifacts = join(built, platform);
    const files = readdirSync(artifacts).map((name) => join(artifacts, name));
    if (!files.some((path) => path.endsWith(`.${platform}.node`)))
      throw new Error(`there is no addon in ${artifacts}: npm run build:targets -- ${platform}`);
    packed.push(await packPlatform(folder, platform, files));
  }
  return packed;
}

/**
 * Packs the package itself, with its addons as the optional dependencies that a release adds.
 * @param {string} folder where the tarball goes
 * @param {readonly PackedAddon[]} addons
 * @returns {Promise<string>} path of the tarball
 */
export async function packRoot(folder, addons) {
  const staged = join(folder, "root");
  const { files } = await describePack(root, ["--dry-run"]);
  checkFiles(files);
  for (const path of files) {
    mkdirSync(dirname(join(staged, path)), { recursive: true });
    cpSync(join(root, path), join(staged, path));
  }
  const own = ownManifest();
  const manifest = { ...own, ...publicationOf(own) };
  if (addons.some(({ version }) => version !== manifest.version))
    throw new Error("an addon has another version");
  manifest.optionalDependencies = Object.fromEntries(
    addons.map(({ name, version }) => [name, version]),
  );
  return pack(staged, folder, manifest);
}

/** Names of the platforms that package.json names. */
export async function platformNames() {
  return readdirSync(await platformManifests()).sort();
}

/** A folder with a folder for each platform, which holds the manifest of its package. */
async function platformManifests() {
  // napi writes below the repository only.
  const manifests = join(root, ".cache/platforms");
  rmSync(manifests, { recursive: true, force: true });
  const napi = toolPath("@napi-rs/cli", "napi");
  const args = [napi, "create-npm-dirs", "--npm-dir", manifests];
  const created = await run(process.execPath, args, { quiet: true });
  if (created.code !== 0) throw new Error(created.stdout + created.stderr);
  return manifests;
}

/**
 * @param {string} folder
 * @param {string} platform
 * @param {readonly string[]} paths the addon, and what else belongs to the platform
 * @returns {Promise<PackedAddon>}
 */
async function packPlatform(folder, platform, paths) {
  const manifests = await platformManifests();
  const staged = join(folder, platform);
  cpSync(join(manifests, platform), staged, { recursive: true });
  for (const name of LICENCES) copyFileSync(join(root, name), join(staged, name));
  for (const path of paths) {
    const copy = join(staged, basename(path));
    copyFileSync(path, copy);
    // On its way from the machine that built it it may have lost its mode, and npm adds none.
    chmodSync(copy, isHub(basename(path)) ? 0o755 : 0o644);
  }
  const created = JSON.parse(readFileSync(join(staged, "package.json"), "utf8"));
  const manifest = {
    ...created,
    ...publicationOf(ownManifest()),
    description: `The native addon of netsvc, and its hub netsvcd, for ${platform}`,
    files: [...paths.map((path) => basename(path)), ...LICENCES],
  };
  const { name, version } = manifest;
  return { name, version, tarball: await pack(staged, folder, manifest) };
}

function ownManifest() {
  return JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
}

/** @param {readonly string[]} files */
function checkFiles(files) {
  const wanted = [
    ...["package.json", "README.md", "LICENSE", "LICENSE-APACHE", "LICENSE-MIT"],
    ...["dist/index.js", "dist/index.d.ts", "dist/index.mjs", "dist/index.d.mts"],
    ...["dist/package.json", "docs/getting-started.md", "packaging/systemd/netsvcd.service"],
  ];
  const missing = wanted.filter((path) => !files.includes(path));
  if (missing.length > 0) throw new Error(`not packed: ${missing.join(", ")}`);
  const allowed =
    /^(dist\/(.*\.(m?js|d\.m?ts)|package\.json)|docs\/.*\.(md|svg)|packaging\/.*|[\w-]+(\.md|\.json)?)$/;
  const strangers = files.filter((path) => !allowed.test(path));
  if (strangers.length > 0) throw new Error(`packed by mistake: ${strangers.join(", ")}`);
}

/**
 * @param {string} source
 * @param {string} folder
 * @param {import("./publication.mjs").Manifest} manifest
 */
async function pack(source, folder, manifest) {
  const faults = publicationFaults(manifest, ownManifest());
  if (faults.length > 0) throw new Error(faults.join("\n"));
  writeFileSync(join(source, "package.json"), JSON.stringify(manifest, null, 2));
  const { filename, files } = await describePack(source, ["--pack-destination", folder]);
  const missing = LICENCES.filter((name) => !files.includes(name));
  if (missing.length > 0) throw new Error(`${manifest.name}: not packed: ${missing.join(", ")}`);
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
