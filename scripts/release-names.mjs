// Before the first release: a package that does not exist yet cannot be published by a workflow,
// for the registry can only trust a workflow with what is there. By a person who is logged in to
// npm:
//
//   npm run release:names                 says which names are free, taken or there already
//   npm run release:names -- --publish    publishes an empty 0.0.0 under each name that is free
//   npm run release:names -- --trust      lets the workflow `release.yml` publish under each
//
// Each may be started again. A name that was taken by somebody else stops all of it.

import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runNpm } from "./lib/npm.mjs";
import { platformNames } from "./lib/pack.mjs";
import {
  isPlaceholder,
  PLACEHOLDER,
  publicationOf,
  repositoryName,
  sameRepository,
} from "./lib/publication.mjs";
import { root } from "./lib/root.mjs";
import { setupOrExit } from "./setup.mjs";

/** Of the workflow that publishes, and of the environment its job runs in. */
const TRUSTED = ["--file", "release.yml", "--env", "npm", "--allow-publish"];

const [step = ""] = process.argv.slice(2);
await setupOrExit();
const own = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
try {
  if (!["", "--publish", "--trust"].includes(step)) throw new Error(`unknown: ${step}`);
  if (step !== "" && isPlaceholder(own))
    throw new Error(`package.json: \`repository\` still names ${PLACEHOLDER} as the owner`);
  const names = [...(await platformNames()).map((platform) => `${own.name}-${platform}`), own.name];
  const states = [];
  for (const name of names) states.push({ name, state: await stateOf(name) });
  for (const { name, state } of states) console.log(`release: ${name} is ${state}`);
  const taken = states.filter(({ state }) => state === "taken");
  if (taken.length > 0) throw new Error("another repository has a package of such a name");
  for (const { name, state } of states) {
    if (step === "--publish" && state === "free") await publishEmpty(name);
    if (step === "--trust") await trust(name);
  }
} catch (error) {
  console.error(`release: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}

/**
 * @param {string} name
 * @returns {Promise<"free" | "there" | "taken">}
 */
async function stateOf(name) {
  const args = ["view", name, "repository", "--json"];
  const { code, stdout, stderr } = await runNpm(args, { quiet: true });
  const answer = stdout.trim() === "" ? undefined : JSON.parse(stdout);
  if (answer?.error?.code === "E404") return "free";
  if (code !== 0) throw new Error(`the registry says nothing about ${name}: ${stdout}${stderr}`);
  return sameRepository(answer, own) ? "there" : "taken";
}

/** @param {string} name */
async function publishEmpty(name) {
  const folder = mkdtempSync(join(tmpdir(), "netsvc-name-"));
  try {
    for (const file of ["LICENSE", "LICENSE-APACHE", "LICENSE-MIT"])
      copyFileSync(join(root, file), join(folder, file));
    const description = `Holds the name until the first release of ${own.name}`;
    const manifest = { name, version: "0.0.0", description, license: own.license };
    const text = JSON.stringify({ ...manifest, ...publicationOf(own) }, null, 2);
    writeFileSync(join(folder, "package.json"), text);
    await npm(["publish", folder, "--access", "public", "--ignore-scripts"]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {string} name */
async function trust(name) {
  await npm(["trust", "github", name, "--repo", repositoryName(own), ...TRUSTED, "--yes"]);
}

/** @param {string[]} args */
async function npm(args) {
  const { code } = await runNpm(args);
  if (code !== 0) throw new Error(`npm ${args.slice(0, 3).join(" ")} failed`);
}
