// `npm run release:version -- 1.2.3`: writes this version into all files that name it, and gives
// what is under "Unreleased" in CHANGELOG.md a heading. What is left: commit, tag, push the tag.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { VERSIONED, withVersion } from "./lib/release-version.mjs";
import { root } from "./lib/root.mjs";

const [version = "", ...more] = process.argv.slice(2);
try {
  if (version === "" || more.length > 0) throw new Error("npm run release:version -- 1.2.3");
  const files = Object.fromEntries(
    VERSIONED.map((path) => [path, readFileSync(join(root, path), "utf8")]),
  );
  const today = new Date().toISOString().slice(0, 10);
  const changed = withVersion(
    /** @type {import("./lib/release-version.mjs").VersionedFiles} */ (files),
    version,
    today,
  );
  for (const path of VERSIONED) writeFileSync(join(root, path), changed[path]);
  console.log(`release: ${VERSIONED.join(", ")} say ${version}; commit them, then:
  git tag v${version}
  npm run release:check -- v${version}
  git push origin v${version}`);
} catch (error) {
  console.error(`release: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}
