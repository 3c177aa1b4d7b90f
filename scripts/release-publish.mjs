// `npm run release:publish [-- npm's options]`: publishes packed/, made by `npm run pack:release`,
// to the registry that npm is configured for, each platform's package first and netsvc last. May be
// started again after a failure. Needs nothing but Node and npm: it runs where the right to publish
// is, and so should little else.

import { join, resolve } from "node:path";
import { npmRegistry } from "./lib/npm-registry.mjs";
import { readPacked } from "./lib/packed.mjs";
import { publishAll } from "./lib/publish.mjs";
import { root } from "./lib/root.mjs";

const folder = resolve(process.env.NETSVC_PACKED ?? join(root, "packed"));
try {
  const registry = npmRegistry(folder, process.argv.slice(2));
  await publishAll(readPacked(folder), registry, (line) => console.log(`release: ${line}`));
} catch (error) {
  console.error(`release: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}
