// `npm run check:imports`: fails when files import each other in a circle, in Rust or in
// TypeScript, and prints what ties them. A file that imports nothing of those that import it can be
// read, tested and changed without them. Types count as anything else does.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "./lib/root.mjs";
import { run } from "./lib/run.mjs";
import { setupOrExit, tool } from "./setup.mjs";

await setupOrExit();

console.log("imports: TypeScript and JavaScript");
const rule = ["lint", "--only=suspicious/noImportCycles", "--error-on-warnings"];
const scripts = await tool("@biomejs/biome", "biome", [...rule, "--max-diagnostics=none"]);

console.log("imports: Rust");
const sources = readdirSync(join(root, "crates"))
  .map((crate) => `crates/${crate}/src`)
  .filter((folder) => existsSync(join(root, folder)));
const cargo = ["run", "--quiet", "--locked", "--package", "netsvc-imports", "--"];
const rust = (await run("cargo", [...cargo, ...sources])).code;

process.exit(scripts === 0 && rust === 0 ? 0 : 1);
