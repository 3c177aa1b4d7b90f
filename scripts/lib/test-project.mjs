// A folder with the tests and the package as a user has it: installed from packed tarballs, with an
// addon of `npm run build:targets`. Vitest and what it needs are those of that platform, whatever
// this machine is.

import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { linksOutside } from "./links.mjs";
import { runNpm } from "./npm.mjs";
import { packArtifacts, packRoot } from "./pack.mjs";
import { root } from "./root.mjs";

/** What the tests read besides the package. */
const SOURCES = [
  ...["__test__", "bench/lib", "bench/peers", "crates", "docs", "examples", "scripts", "ts"],
  ...[".cache/examples", ".cache/dist.stamp", ".cache/examples.stamp"],
  ...[
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "bench/README.md",
    "fuzz/README.md",
    "packaging",
  ],
  "vitest.config.ts",
  // The stamps are of these as well.
  ...["tsconfig.json", "tsconfig.build.json", "tsconfig.examples.json", "native/binding.d.cts"],
  "node_modules/rolldown/package.json",
  // Compiles the examples in the docs.
  ...["node_modules/typescript", "node_modules/@types/node", "node_modules/undici-types"],
];

/**
 * Makes the folder anew; `setup({ examples: true })` must have been run.
 * @param {string} folder
 * @param {import("./targets.mjs").Target} target
 * @returns {Promise<string>} where Vitest is to be started
 */
export async function testProject(folder, target) {
  const tarballs = join(folder, "tarballs");
  const project = join(folder, "project");
  for (const path of [tarballs, project]) {
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path, { recursive: true });
  }
  await install(project, tarballs, target);
  for (const path of SOURCES) {
    mkdirSync(dirname(join(project, path)), { recursive: true });
    cpSync(join(root, path), join(project, path), { recursive: true });
  }
  // The compiler itself is a program for this machine, whatever the Node that starts it is for.
  const compiler = (/** @type {string} */ arch) =>
    `node_modules/@typescript/typescript-${process.platform}-${arch}`;
  mkdirSync(join(project, "node_modules/@typescript"), { recursive: true });
  // Copied: where the folder is mounted, there is nothing else of this machine.
  cpSync(join(root, compiler(process.arch)), join(project, compiler(target.cpu)), {
    recursive: true,
  });
  // The tests take the installed package for the repository's own.
  symlinkSync("node_modules/netsvc/dist", join(project, "dist"));
  const outside = linksOutside(project);
  if (outside.length > 0) throw new Error(`these lead out of ${project}: ${outside.join(", ")}`);
  return project;
}

/**
 * @param {string} project
 * @param {string} tarballs
 * @param {import("./targets.mjs").Target} target
 */
async function install(project, tarballs, { platform, cpu, libc }) {
  const addons = await packArtifacts(tarballs, [platform]);
  const netsvc = await packRoot(tarballs, addons);
  const { scripts, version, devDependencies } = JSON.parse(
    readFileSync(join(root, "package.json"), "utf8"),
  );
  const { "fast-check": fastCheck, vitest } = devDependencies;
  const manifest = {
    name: "netsvc-tests",
    version,
    private: true,
    type: "module",
    // The documents name them.
    scripts,
    dependencies: { netsvc: `file:${netsvc}` },
    // Only an optional package may be for another processor than npm runs on.
    optionalDependencies: Object.fromEntries(
      addons.map(({ name, tarball }) => [name, `file:${tarball}`]),
    ),
    devDependencies: { "fast-check": fastCheck, vitest },
  };
  writeFileSync(join(project, "package.json"), JSON.stringify(manifest));
  // The same versions as in the native tests.
  cpSync(join(root, "package-lock.json"), join(project, "package-lock.json"));
  const args = ["install", "--ignore-scripts", "--loglevel=error"];
  args.push(`--cpu=${cpu}`, "--os=linux", `--libc=${libc}`);
  const { code, stdout, stderr } = await runNpm(args, { cwd: project, quiet: true });
  if (code !== 0) throw new Error(`npm install failed:\n${stdout}${stderr}`);
}
