// `npm run docs`: the site of the documentation, from the same pages that are in the repository and
// in the package, with the API reference from the comments of ts/. Into .cache/site. Warnings of
// TypeDoc, dead links and pages that are in no menu are errors. `npm run docs -- --serve` shows it.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./lib/root.mjs";
import { run } from "./lib/run.mjs";
import { toolFolder, toolScript } from "./lib/tools.mjs";
import { setupOrExit } from "./setup.mjs";
import { deadLinks } from "./site/links.mjs";
import { stagePages } from "./site/stage.mjs";

/** Beside the tools, so that the pages find Vue. */
const PAGES = join(root, ".cache/tools/site");
const BUILT = join(root, ".cache/site");

/** Of types alone, for the checker: users write none of them. */
const OWN_TYPES = ["MayStream", "ReservedName", "Streams"];

await setupOrExit(); // TypeDoc reads the types of Node
try {
  for (const folder of [PAGES, BUILT]) rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(PAGES, ".vitepress"), { recursive: true });
  await step("pages", () => stagePages(PAGES));
  await step("API reference", reference);
  await step("site", build);
  await step("links", checkLinks);
} catch (error) {
  console.error(`docs: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}
console.log(`docs: ${join(BUILT, "index.html")}`);
if (process.argv.includes("--serve")) await vitepress("preview", "--port", "4173");

/**
 * @param {string} name
 * @param {() => unknown} work
 */
async function step(name, work) {
  console.log(`docs: ${name}`);
  await work();
}

async function reference() {
  const plugin = join(await toolFolder("typedoc-plugin-markdown"), "dist/index.js");
  const options = {
    name: "API reference",
    entryPoints: [join(root, "ts/index.ts")],
    tsconfig: join(root, "tsconfig.build.json"),
    plugin: [plugin],
    out: join(PAGES, "api"),
    entryFileName: "index",
    readme: "none",
    treatWarningsAsErrors: true,
    treatValidationWarningsAsErrors: true,
    intentionallyNotExported: OWN_TYPES,
    excludeInternal: true,
    excludePrivate: true,
    disableSources: true,
    hidePageHeader: true,
    hideBreadcrumbs: true,
    githubPages: false,
    logLevel: "Warn",
  };
  const file = join(PAGES, "typedoc.json");
  writeFileSync(file, JSON.stringify(options));
  await ran("TypeDoc", await toolScript("typedoc", "typedoc"), ["--options", file]);
  rmSync(file);
}

async function build() {
  const configuration = pathToFileURL(join(root, "scripts/site/config.mjs")).href;
  writeFileSync(
    join(PAGES, ".vitepress/config.mjs"),
    `export { default } from ${JSON.stringify(configuration)};\n`,
  );
  await vitepress("build");
}

/**
 * @param {string} command
 * @param {string[]} more
 */
async function vitepress(command, ...more) {
  const script = await toolScript("vitepress", "vitepress");
  await ran("VitePress", script, [command, PAGES, "--outDir", BUILT, ...more]);
}

function checkLinks() {
  const faults = deadLinks(BUILT, process.env.DOCS_BASE ?? "/");
  if (faults.length > 0) throw new Error(`dead links:\n${faults.join("\n")}`);
}

/**
 * @param {string} name
 * @param {string} script
 * @param {string[]} args
 */
async function ran(name, script, args) {
  const { code } = await run(process.execPath, [script, ...args]);
  if (code !== 0) throw new Error(`${name} has failed; its output is above`);
}
