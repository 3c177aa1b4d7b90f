import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./root.mjs";

/**
 * What a build step depends on and makes. It is up to date when its inputs have the same content as
 * at its last success and its outputs exist; file times say nothing after a clone or a copy.
 * @typedef {object} Step
 * @property {string} name names the stamp file
 * @property {readonly string[]} inputs files and folders of the repository; may be missing
 * @property {readonly string[]} outputs files of the repository
 * @property {string} [salt] whatever else the result depends on
 */

/**
 * Whether the outputs of a step were made from its present inputs.
 * @param {Step} step
 */
export function isFresh(step) {
  if (!step.outputs.every((path) => existsSync(join(root, path)))) return false;
  const path = stampPath(step);
  return existsSync(path) && readFileSync(path, "utf8") === `${digest(step)}\n`;
}

/**
 * Runs the work of a step and, if it succeeds, remembers its inputs as they were before: a file
 * that is changed meanwhile makes the step stale.
 * @param {Step} step
 * @param {() => Promise<boolean>} work resolves with whether it succeeded
 */
export async function refresh(step, work) {
  const path = stampPath(step);
  const before = digest(step);
  rmSync(path, { force: true });
  if (!(await work())) return false;
  mkdirSync(join(root, ".cache"), { recursive: true });
  writeFileSync(path, `${before}\n`);
  return true;
}

/** @param {Step} step */
function stampPath(step) {
  return join(root, ".cache", `${step.name}.stamp`);
}

/** @param {Step} step */
function digest(step) {
  const hash = createHash("sha256").update(step.salt ?? "");
  for (const path of step.inputs.flatMap(files)) {
    const content = readFileSync(join(root, path));
    hash.update(`\0${path}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex");
}

/**
 * The files at `path`, sorted, with `/` between names on every system, without those of tests:
 * nothing that is built by a step contains them.
 * @param {string} path
 * @returns {string[]}
 */
function files(path) {
  const absolute = join(root, path);
  if (!existsSync(absolute)) return [];
  /** @type {import("node:fs").Dirent[]} */
  let entries;
  try {
    entries = readdirSync(absolute, { withFileTypes: true });
  } catch {
    return [path];
  }
  return entries
    .filter((entry) => !testsOnly.includes(entry.name))
    .map((entry) => `${path}/${entry.name}`)
    .sort()
    .flatMap(files);
}

const testsOnly = [
  ...["tests", "tests.rs", "benches", "fuzz"],
  ...["netsvc-testkit", "netsvc-bench", "netsvc-imports", "netsvc-attack"],
];
