// The examples of README.md in a project of a user: compiled strictly, and run, all at once.

import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { toolPath } from "../setup.mjs";
import { missingLine } from "./examples.mjs";
import { consumers } from "./package-types.mjs";
import { run } from "./run.mjs";
import { WatchedProcess } from "./watched.mjs";

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
  for (const consumer of consumers(examples.map(({ name }) => name))) {
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
  const programs = examples.filter((example) => example.run);
  expect(programs.length >= 2, 'README.md marks fewer than two examples with "run"');
  const expectations = programs.some((example) => example.output.length > 0);
  expect(expectations, "README.md shows the output of no example");
  const processes = programs.map((example) => {
    const script = example.name.replace(/\.(m?)ts$/, ".$1js");
    return { example, process: new WatchedProcess([script], { cwd: user, env }) };
  });
  const problems = await Promise.all(
    processes.map(async ({ example, process }) => {
      const missing = () => missingLine(example.output, process.stdout);
      await process.until(() => missing() === undefined, EXAMPLES_MS);
      const line = missing();
      if (line !== undefined) return `${example.name} did not print: ${line}`;
      const ended = process.ended;
      if (ended !== undefined && ended.code !== 0)
        return `${example.name} ended with ${ended.code}`;
      return undefined;
    }),
  );
  await Promise.all(processes.map(({ process }) => process.stop()));
  const problem = problems.filter((text) => text !== undefined).join("\n");
  const outputs = processes.map(
    ({ example, process }) => `--- ${example.name}\n${process.stdout}${process.stderr}`,
  );
  expect(problem === "", `${problem}\n${outputs.join("")}`);
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
