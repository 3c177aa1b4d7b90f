// The code in README.md and docs/*.md: every block is run, against the package as a user has it,
// and prints what the page shows; or it says why it is not run.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { runPrograms } from "../../scripts/lib/example-runs.mjs";
import { type Example, unmarkedBlocks } from "../../scripts/lib/examples.mjs";
import { besideName, COMPILER_OPTIONS, pages, writeExamples } from "../../scripts/lib/pages.mjs";
import { root } from "../../scripts/lib/root.mjs";
import { run } from "../../scripts/lib/run.mjs";
import { WatchedProcess } from "../../scripts/lib/watched.mjs";
import { checkExamples, toolPath } from "../../scripts/setup.mjs";
import { freePort } from "../helpers/ports.js";
import { NETSVC } from "../helpers/program.js";
import { stretched } from "../helpers/time.mjs";

/** How long the programs of a page may take to print what it shows, in milliseconds. */
const PATIENCE = stretched(20_000);
/** Below the repository's folder, so that "netsvc" is the built package itself. */
const FOLDER = join(root, ".cache/docs");

const all = pages();
const together = all.filter(({ examples }) => examples.some(({ run }) => run === "together"));
const alone = all.flatMap((page) =>
  page.examples.flatMap((example) =>
    example.run === "alone" ? [{ title: `${page.path}: ${example.name}`, page, example }] : [],
  ),
);
/** For sockets: paths of theirs are short. */
const runFolder = mkdtempSync(join(tmpdir(), "netsvc-docs-"));
let compiled: { code: number; stdout: string } = { code: -1, stdout: "" };

beforeAll(async () => {
  checkExamples();
  rmSync(FOLDER, { recursive: true, force: true });
  for (const page of all) {
    const shared = await freePort();
    const ports = new Map<Example, number>();
    for (const example of page.examples)
      ports.set(example, example.run === "alone" ? await freePort() : shared);
    writeExamples(page, FOLDER, (code, example) =>
      code.replaceAll("11111", String(ports.get(example))).replaceAll('"/run/', `"${runFolder}/`),
    );
  }
  writeFileSync(
    join(FOLDER, "tsconfig.json"),
    JSON.stringify({ compilerOptions: COMPILER_OPTIONS }),
  );
  compiled = await compile(FOLDER);
}, stretched(120_000));

afterAll(() => rmSync(runFolder, { recursive: true, force: true }));

test.each(all)("every code block says how it is run, or why it is not: $path", ({ text }) => {
  expect(unmarkedBlocks(text)).toEqual([]);
});

test("all blocks compile, each as a module with the imports that it shows", () => {
  expect(compiled).toMatchObject({ stdout: "", code: 0 });
});

test("the configuration that README.md shows compiles its programs", async () => {
  const shown = JSON.parse(readFileSync(join(FOLDER, "README/tsconfig.json"), "utf8"));
  expect(shown.compilerOptions.strict).toBe(true);
  const types = ["--typeRoots", join(root, "node_modules/@types")];
  expect(await compile(join(FOLDER, "README"), "--noEmit", ...types)).toMatchObject({
    stdout: "",
    code: 0,
  });
});

describe("the programs of a page, together,", () => {
  test.each(together)("print what it shows: $path", async ({ name, examples }) => {
    const shown = examples.filter((example) => example.run === "together");
    expect(await runExamples(name, shown)).toEqual([]);
  });
});

describe("a program by itself prints what its page shows", () => {
  test.each(alone)("$title", async ({ page, example }) => {
    expect(await runExamples(page.name, [example])).toEqual([]);
  });
});

test("the hub takes the file that deploy.md shows", async () => {
  const file = join(FOLDER, "deploy/hub.toml");
  // The documented address is none of this machine.
  const text = readFileSync(file, "utf8").replace(/"192\.168[^"]*"/, '"127.0.0.1:0"');
  writeFileSync(file, text);
  mkdirSync(join(runFolder, "netsvc"));
  const args = [NETSVC, "hub", "--embedded", "--config", file];
  const hub = new WatchedProcess(args, { cwd: FOLDER, env: process.env });
  onTestFinished(() => hub.stop());
  expect(await hub.until(() => hub.stderr.includes('"event":"start"'), PATIENCE), hub.stderr).toBe(
    true,
  );
});

function runExamples(page: string, examples: readonly Example[]): Promise<string[]> {
  const folder = join(FOLDER, page);
  const programs = examples.map((example) => ({ ...example, script: compiledName(example.name) }));
  const beside = examples
    .filter((example) => example.beside !== undefined)
    .map((example) => compiledName(besideName(example)));
  return runPrograms(programs, { cwd: folder, env: process.env, patience: PATIENCE, beside });
}

function compiledName(name: string): string {
  return name.replace(/\.ts$/, ".js");
}

async function compile(folder: string, ...options: string[]) {
  const tsc = toolPath("typescript", "tsc");
  const { code, stdout } = await run(process.execPath, [tsc, "--project", ".", ...options], {
    cwd: folder,
    quiet: true,
  });
  return { code, stdout };
}
