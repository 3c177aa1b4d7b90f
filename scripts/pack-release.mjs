// `npm run pack:release`: packs what a release publishes into packed/: a package for each platform,
// with the addon and the hub from artifacts/, and then the package itself. Prints their paths in
// the order in which they must be published: whoever installs the last one finds the others there.

import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { packArtifacts, packRoot, platformNames } from "./lib/pack.mjs";
import { root } from "./lib/root.mjs";
import { HUB } from "./lib/targets.mjs";
import { setupOrExit } from "./setup.mjs";

await setupOrExit();
const output = join(root, "packed");
rmSync(output, { recursive: true, force: true });
mkdirSync(output);
try {
  const platforms = await platformNames();
  const found = readdirSync(join(root, "artifacts"));
  const strangers = found.filter((name) => !platforms.includes(name));
  if (strangers.length > 0) throw new Error(`no platform: ${strangers.join(", ")}`);
  for (const platform of platforms) checkComplete(platform);
  const addons = await packArtifacts(output, platforms);
  const tarballs = [...addons.map(({ tarball }) => tarball), await packRoot(output, addons)];
  for (const path of tarballs) {
    console.log(path.slice(root.length));
    console.error(`pack: ${statSync(path).size} bytes`);
  }
} catch (error) {
  console.error(`pack: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}

/** @param {string} platform */
function checkComplete(platform) {
  const hub = platform.startsWith("win32-") ? `${HUB}.exe` : HUB;
  for (const file of [`netsvc.${platform}.node`, hub]) {
    if (!existsSync(join(root, "artifacts", platform, file)))
      throw new Error(`artifacts/${platform}/${file} is missing`);
  }
}
