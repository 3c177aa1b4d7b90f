// `npm run release:check -- v1.2.3`: whether a release with this tag may begin: all files name its
// version, CHANGELOG.md says what is new, and the owner of the repository is filled in.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isPlaceholder, PLACEHOLDER } from "./lib/publication.mjs";
import { VERSIONED, versionFaults } from "./lib/release-version.mjs";
import { root } from "./lib/root.mjs";

const [tag = ""] = process.argv.slice(2);
const files = Object.fromEntries(
  VERSIONED.map((path) => [path, readFileSync(join(root, path), "utf8")]),
);
const faults = versionFaults(
  /** @type {import("./lib/release-version.mjs").VersionedFiles} */ (files),
  tag,
);
if (isPlaceholder(JSON.parse(files["package.json"] ?? "")))
  faults.push(`package.json: \`repository\` still names ${PLACEHOLDER} as the owner`);
for (const fault of faults) console.error(`release: ${fault}`);
process.exit(faults.length === 0 ? 0 : 1);
