// The pages that users read, and the files that their code blocks are.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { examplesIn } from "./examples.mjs";
import { root } from "./root.mjs";

/**
 * @typedef {import("./examples.mjs").Example} Example
 * @typedef {object} Page
 * @property {string} name of its file, without the ending
 * @property {string} path in the repository
 * @property {string} text
 * @property {readonly Example[]} examples
 */

/** Strict, as in README.md; and for the repository's own types of Node. */
export const COMPILER_OPTIONS = {
  module: "nodenext",
  target: "es2023",
  lib: ["es2023", "esnext.disposable"],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noUnusedLocals: true,
  skipLibCheck: true,
  typeRoots: [join(root, "node_modules/@types")],
  types: ["node"],
};

/** @returns {Page[]} */
export function pages() {
  const names = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));
  return ["README.md", ...names.map((name) => `docs/${name}`)].map((path) => {
    const text = readFileSync(join(root, path), "utf8");
    const name = path.replace(/^docs\//, "").slice(0, -".md".length);
    return { name, path, text, examples: examplesIn(text) };
  });
}

/**
 * Writes the examples of a page, and what runs beside them, into a folder of its name.
 * @param {Page} page
 * @param {string} folder
 * @param {(code: string, example: Example) => string} adapted
 */
export function writeExamples({ name, examples }, folder, adapted) {
  const own = join(folder, name);
  mkdirSync(own, { recursive: true });
  for (const example of examples) {
    writeFileSync(join(own, example.name), adapted(example.code, example));
    if (example.beside === undefined) continue;
    const source = join(root, "__test__/docs/beside", example.beside);
    const code = adapted(readFileSync(source, "utf8"), example);
    writeFileSync(join(own, besideName(example)), code);
  }
}

/** @param {Example} example */
export function besideName({ name }) {
  return `${name.replace(/\.ts$/, "")}.beside.ts`;
}

/**
 * For tools that look at the code only.
 * @param {string} folder
 */
export function writeAllExamples(folder) {
  for (const page of pages()) writeExamples(page, folder, (code) => code);
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ compilerOptions: COMPILER_OPTIONS }),
  );
}
