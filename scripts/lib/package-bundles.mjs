// Applications that a bundler has made into one file, for scripts/package-check.mjs: each bundler
// with each format, run where the packages are and where they are not, and made anew as the error
// says.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "./run.mjs";
import { toolFolder } from "./tools.mjs";

/**
 * A hub and a client in one process. Prints what came of it; the error of an addon is for whoever
 * bundles.
 */
const APPLICATION = `
import { AddonError, Exchange, EXCHANGE_CLIENT, EXCHANGE_SERVER, Registry, Service } from "netsvc";

async function main() {
  const here = new Registry();
  const there = new Registry();
  const { port } = await new Exchange(EXCHANGE_SERVER, { registry: here }).listen(0);
  new Exchange(EXCHANGE_CLIENT, { registry: there }).connect("127.0.0.1", port);
  new Service("echo", { registry: here, methods: { echo: (_, what) => what } });
  const echo = await there.waitFor("echo", { timeout: 20 });
  console.log(await echo.call("echo", ["all there"]));
  await Promise.all([here.close(), there.close()]);
}
main().catch((error) => {
  console.log(error instanceof AddonError ? error.message : error);
});
`;

/** @typedef {"cjs" | "esm"} Format */

/**
 * @typedef {object} Making
 * @property {string} entry
 * @property {string} outfile
 * @property {Format} format
 * @property {boolean} external
 * @property {boolean} [minify]
 */

/** @type {Readonly<Record<string, (making: Making) => Promise<void>>>} */
const bundlers = { esbuild, rolldown, webpack };

/**
 * Throws an error that says what went wrong.
 * @param {string} project with netsvc in its node_modules
 * @param {string} name
 * @param {NodeJS.ProcessEnv} env
 */
export async function checkBundler(project, name, env) {
  const bundle = bundlers[name];
  if (bundle === undefined) throw new Error(`there is no bundler ${name}`);
  const entry = join(project, "application.mjs");
  writeFileSync(entry, APPLICATION);
  const elsewhere = mkdtempSync(join(tmpdir(), "netsvc-bundle-"));
  try {
    for (const format of /** @type {const} */ (["cjs", "esm"])) {
      const file = `${name}.${format === "cjs" ? "cjs" : "mjs"}`;
      const making = { entry, outfile: join(project, "dist", file), format };

      await bundle({ ...making, external: true });
      const external = await output(making.outfile, project, env);
      expect(external === "all there\n", `${file}, netsvc external: ${external}`);

      for (const minify of [false, true]) {
        await bundle({ ...making, external: false, minify });
        const near = await output(making.outfile, elsewhere, env);
        expect(near === "all there\n", `${file}, beside node_modules: ${near}`);
      }

      const far = join(elsewhere, file);
      await bundle({ ...making, outfile: far, external: false });
      const alone = await output(far, elsewhere, env);
      const says = ['bundled: mark "netsvc" as external', `  ${name}: `];
      const missing = says.filter((text) => !alone.includes(text));
      expect(missing.length === 0, `${file}, without node_modules: ${alone}`);
    }
  } finally {
    rmSync(elsewhere, { recursive: true, force: true });
  }
}

/** @type {readonly string[]} */
export const bundlerNames = Object.keys(bundlers);

/**
 * What a program prints on either.
 * @param {string} file
 * @param {string} cwd
 * @param {NodeJS.ProcessEnv} env
 */
async function output(file, cwd, env) {
  const { stdout, stderr } = await run(process.execPath, [file], { cwd, env, quiet: true });
  return stdout + stderr;
}

/** @param {Making} making */
async function esbuild({ entry, outfile, format, external, minify }) {
  const { build } = createRequire(import.meta.url)(await toolFolder("esbuild"));
  const result = await build({
    entryPoints: [entry],
    outfile,
    format,
    bundle: true,
    platform: "node",
    minify,
    external: external ? ["netsvc"] : [],
    logLevel: "silent",
  });
  expect(result.warnings.length === 0, JSON.stringify(result.warnings));
}

/** @param {Making} making */
async function rolldown({ entry, outfile, format, external, minify }) {
  const { build } = await import("rolldown");
  await build({
    input: entry,
    platform: "node",
    external: external ? ["netsvc"] : [],
    output: { file: outfile, format, minify: minify ?? false },
    onLog(level, { message }) {
      if (level === "warn") throw new Error(message);
    },
  });
}

/** @param {Making} making */
async function webpack({ entry, outfile, format, external, minify }) {
  const compile = createRequire(import.meta.url)(await toolFolder("webpack"));
  const esm = format === "esm";
  const configuration = {
    entry,
    target: "node20",
    mode: minify ? "production" : "development",
    devtool: false,
    externals: external ? { netsvc: "node-commonjs netsvc" } : {},
    experiments: { outputModule: esm },
    output: {
      path: join(outfile, ".."),
      filename: outfile.slice(join(outfile, "..").length + 1),
      module: esm,
      chunkFormat: esm ? "module" : "commonjs",
    },
  };
  await new Promise((resolve, reject) => {
    compile(configuration, (/** @type {Error | null} */ error, /** @type {any} */ stats) => {
      if (error !== null) reject(error);
      else if (stats.hasErrors() || stats.hasWarnings()) reject(new Error(stats.toString()));
      else resolve(undefined);
    });
  });
}

/**
 * @param {boolean} condition
 * @param {string} message
 */
function expect(condition, message) {
  if (!condition) throw new Error(message);
}
