// The code in docs/*.md: every TypeScript block compiles against the package as a user has it, and
// programs marked as runnable print what the text says.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { examplesIn, missingLine } from "../../scripts/lib/examples.mjs";
import { root } from "../../scripts/lib/root.mjs";
import { run } from "../../scripts/lib/run.mjs";
import { WatchedProcess } from "../../scripts/lib/watched.mjs";
import { checkExamples, toolPath } from "../../scripts/setup.mjs";
import { freePort } from "../helpers/ports.js";
import { stretched } from "../helpers/time.mjs";

/** How long the programs of a page may take to print what it shows, in milliseconds. */
const PATIENCE = stretched(20_000);
/** Below the repository's folder, so that "netsvc" is the built package itself. */
const FOLDER = join(root, ".cache/docs");

interface File {
  readonly name: string;
  readonly code: string;
}

interface Page {
  readonly name: string;
  readonly text: string;
  readonly files: readonly File[];
}

const pages: readonly Page[] = readdirSync(join(root, "docs"))
  .filter((name) => name.endsWith(".md"))
  .map((name) => {
    const text = readFileSync(join(root, "docs", name), "utf8");
    return { name: name.slice(0, -3), text, files: filesIn(text) };
  });
const runnable = pages.filter(({ text }) => examplesIn(text).some((example) => example.run));
let compiled: { code: number; stdout: string } = { code: -1, stdout: "" };

beforeAll(async () => {
  checkExamples();
  rmSync(FOLDER, { recursive: true, force: true });
  const port = String(await freePort());
  for (const { name, files } of pages) {
    mkdirSync(join(FOLDER, name), { recursive: true });
    for (const file of files) {
      writeFileSync(join(FOLDER, name, file.name), file.code.replaceAll("11111", port));
    }
  }
  const compilerOptions = {
    ...{ module: "nodenext", target: "es2023", lib: ["es2023", "esnext.disposable"] },
    ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
    ...{ typeRoots: [join(root, "node_modules/@types")], types: ["node"] },
  };
  writeFileSync(join(FOLDER, "tsconfig.json"), JSON.stringify({ compilerOptions }));
  const tsc = toolPath("typescript", "tsc");
  compiled = await run(process.execPath, [tsc], { cwd: FOLDER, quiet: true });
}, stretched(120_000));

test("pages have TypeScript blocks, and some are programs", () => {
  expect(pages.flatMap(({ files }) => files).length).toBeGreaterThan(10);
  expect(runnable.map(({ name }) => name)).toContain("getting-started");
});

test("all blocks compile, each as a module with the imports that it shows", () => {
  expect(compiled.stdout).toBe("");
  expect(compiled.code).toBe(0);
});

describe("the programs of a page", () => {
  test.each(runnable)("print what it says: $name", async ({ name, text }) => {
    expect(compiled.code).toBe(0);
    const programs = examplesIn(text).filter((example) => example.run);
    const processes = programs.map((example) => {
      const script = example.name.replace(/\.ts$/, ".js");
      const options = { cwd: join(FOLDER, name), env: process.env };
      return { example, process: new WatchedProcess([script], options) };
    });
    try {
      for (const { example, process } of processes) {
        const missing = () => missingLine(example.output, process.stdout);
        await process.until(() => missing() === undefined, PATIENCE);
        expect(missing(), `${example.name}\n${process.stdout}${process.stderr}`).toBeUndefined();
      }
    } finally {
      await Promise.all(processes.map(({ process }) => process.stop()));
    }
  });
});

/** TypeScript blocks: marked ones by their names, the others by their lines. */
function filesIn(markdown: string): File[] {
  const named = examplesIn(markdown).filter(({ name }) => name.endsWith(".ts"));
  const lines = markdown.split("\n");
  const files: File[] = named.map(({ name, code }) => ({ name, code }));
  lines.forEach((line, start) => {
    if (line !== "```ts") return;
    const marker = lines.slice(0, start).findLast((before) => before.trim() !== "");
    if (marker?.startsWith("<!-- example:")) return;
    const end = lines.indexOf("```", start);
    const code = lines.slice(start + 1, end === -1 ? undefined : end).join("\n");
    files.push({ name: `line-${start + 1}.ts`, code });
  });
  return files;
}
