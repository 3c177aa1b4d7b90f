// `npm run pack:release [-- --from folder --to folder platform…]`: packs what a release publishes
// into packed/, which it empties: a package for each platform, with the addon and the hub from
// artifacts/, and the package itself; a list of them in the order in which they must be published,
// since whoever installs the last one must find the others; checksums, the release's notes from
// CHANGELOG.md, and what crates are in the binaries (SBOM). With platforms named, for these alone:
// no release.
// `--from`: another folder than artifacts/; `--to`: another than packed/.

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { packArtifacts, packRoot, platformNames } from "./lib/pack.mjs";
import { writePacked } from "./lib/packed.mjs";
import { sectionOf } from "./lib/release-version.mjs";
import { root } from "./lib/root.mjs";
import { run } from "./lib/run.mjs";
import { sbomOf } from "./lib/sbom.mjs";
import { HUB } from "./lib/targets.mjs";
import { setupOrExit } from "./setup.mjs";

await setupOrExit();
const { artifacts, output, named } = readArguments(process.argv.slice(2));
rmSync(output, { recursive: true, force: true });
mkdirSync(output, { recursive: true });
try {
  const all = await platformNames();
  const found = readdirSync(artifacts);
  const strangers = [...found, ...named].filter((name) => !all.includes(name));
  if (strangers.length > 0) throw new Error(`no platform: ${strangers.join(", ")}`);
  const platforms = named.length > 0 ? named : all;
  for (const platform of platforms) checkComplete(platform);
  const { name, version, license } = JSON.parse(text("package.json"));
  const work = join(root, ".cache/packing");
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const addons = await packArtifacts(work, platforms, artifacts);
  const packages = [...addons, { name, version, tarball: await packRoot(work, addons) }];
  const changelog = text("CHANGELOG.md");
  const notes = sectionOf(changelog, version) ?? sectionOf(changelog, "Unreleased") ?? "";
  writeFileSync(join(output, "release-notes.md"), `${notes}\n`);
  writeFileSync(join(output, "sbom.cdx.json"), await sbom({ name, version, license }));
  writePacked(output, packages);
  for (const file of readdirSync(output))
    console.log(`pack: ${file}, ${statSync(join(output, file)).size} bytes`);
} catch (error) {
  console.error(`pack: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}

/** @param {string[]} args */
function readArguments(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { from: { type: "string" }, to: { type: "string" } },
  });
  const { from = join(root, "artifacts"), to = join(root, "packed") } = values;
  return { artifacts: resolve(from), output: resolve(to), named: positionals };
}

/** @param {string} path */
function text(path) {
  return readFileSync(join(root, path), "utf8");
}

/** @param {{ name: string, version: string, license: string }} manifest */
async function sbom(manifest) {
  const args = ["metadata", "--format-version", "1", "--locked"];
  const { code, stdout, stderr } = await run("cargo", args, { quiet: true });
  if (code !== 0) throw new Error(`cargo metadata: ${stderr}`);
  const document = sbomOf(JSON.parse(stdout), manifest, ["netsvc-node", "netsvc-hub"]);
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** @param {string} platform */
function checkComplete(platform) {
  const hub = platform.startsWith("win32-") ? `${HUB}.exe` : HUB;
  for (const file of [`netsvc.${platform}.node`, hub]) {
    if (!existsSync(join(artifacts, platform, file)))
      throw new Error(`${platform}/${file} is missing in ${artifacts}`);
  }
}
