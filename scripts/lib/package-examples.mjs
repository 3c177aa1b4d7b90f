// The examples of README.md in a project of a user: compiled strictly, and run, all at once.

import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { toolPath } from "../setup.mjs";
import { runPrograms } from "./example-runs.mjs";
import { consumers } from "./package-types.mjs";
import { run } from "./run.mjs";

/** How long the examples may take to print what README.md shows, in milliseconds. */
const EXAMPLES_MS = 60_000;

/**
 * @param {string} user the project that the package is installed in
 * @param {readonly import("./examples.mjs").Example[]} examples
 * @param {NodeJS.ProcessEnv} env
 */
export async function compileExamples(user, examples, env) {
  const port = String(await freePort());
  for (const { name, code } of examples)
    writeFileSync(join(user, name), code.replaceAll("11111", port));
  const sources = examples.map(({ name }) => name).filter((name) => name.endsWith("ts"));
  for (const consumer of consumers(sources)) {
    for (const [name, text] of Object.entries(consumer.programs))
      writeFileSync(join(user, name), text);
    writeFileSync(join(user, "tsconfig.json"), JSON.stringify(consumer.configuration));
    const tsc = toolPath("typescript", "tsc");
    const result = await run(process.execPath, [tsc], { cwd: user, env, quiet: true });
    expect(result.code === 0, `${consumer.title}: ${result.stdout}${result.stderr}`);
  }
  const options = { cwd: user, env, quiet: true };
  for (const program of ["use.cjs", "interop.cjs", "options.mjs"]) {
    const result = await run(process.execPath, [program], options);
    expect(result.code === 0, result.stdout + result.stderr);
  }
}

/**
 * @param {string} user the project that the package is installed in
 * @param {readonly import("./examples.mjs").Example[]} examples
 * @param {NodeJS.ProcessEnv} env
 */
export async function runExamples(user, examples, env) {
  const shown = examples.filter(({ run }) => run === "together");
  expect(shown.length >= 2, 'README.md marks fewer than two examples with "run"');
  const expectations = shown.some(({ output }) => output.length > 0);
  expect(expectations, "README.md shows the output of no example");
  const programs = shown.map((example) => ({
    ...example,
    script: example.name.replace(/\.(m?)ts$/, ".$1js"),
  }));
  const problems = await runPrograms(programs, { cwd: user, env, patience: EXAMPLES_MS });
  expect(problems.length === 0, problems.join("\n"));
}

/**
 * @param {boolean} condition
 * @param {string} message
 */
function expect(condition, message) {
  if (!condition) throw new Error(message);
}

/** A port that was free a moment ago; the examples' own may be in use on this machine. */
async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
