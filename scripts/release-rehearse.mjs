// `npm run release:rehearse`: a release on this machine (x86_64 Linux), to a real registry that
// lives as long as it takes: packs what there is in artifacts/ (for this platform, if nothing was
// built for it there, the addon of native/ and a netsvcd of the development profile), without the
// modes that artifacts of workflows lose; publishes it as the workflow does, failing half-way,
// again, and once more; installs it by name with npm, pnpm and yarn, and for other platforms with
// npm; and uses it there: doctor, `netsvc hub`, the examples of README.md. All of it in a temporary
// folder.

import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { examplesIn } from "./lib/examples.mjs";
import { checkInstalledHub } from "./lib/installed-hub.mjs";
import { installByNpm, installers } from "./lib/installers.mjs";
import { startRegistry } from "./lib/local-registry.mjs";
import { compileExamples, runExamples } from "./lib/package-examples.mjs";
import { readPacked, writePacked } from "./lib/packed.mjs";
import { root } from "./lib/root.mjs";
import { run } from "./lib/run.mjs";
import { HUB, targets } from "./lib/targets.mjs";
import { setupOrExit } from "./setup.mjs";

const HERE = "linux-x64-gnu";

await setupOrExit();
const folder = mkdtempSync(join(tmpdir(), "netsvc-release-"));
const artifacts = join(folder, "artifacts");
const packed = join(folder, "packed");
/** @type {import("./lib/local-registry.mjs").LocalRegistry | undefined} */
let registry;
try {
  const platforms = await collect();
  await step(`pack ${platforms.join(", ")}`, () => pack(platforms));
  registry = await startRegistry(join(folder, "registry"));
  const { env, url } = registry;
  const there = registry;
  const all = readPacked(packed).map(({ name }) => `/${name}`);
  await step("publishing ends with an error half-way", async () => {
    there.refuses = (path) => path === all[1];
    const { code } = await publish(packed, env);
    there.refuses = () => false;
    expect(code !== 0, "it ended with code 0");
    expectSame(there.published.splice(0), all.slice(0, 2));
  });
  await step("publishing again publishes what is missing", async () => {
    const { code, output } = await publish(packed, env);
    expect(code === 0, output);
    expectSame(there.published.splice(0), all.slice(1));
  });
  await step("and once more, nothing", async () => {
    const { code, output } = await publish(packed, env);
    expect(code === 0, output);
    expectSame(there.published.splice(0), []);
  });
  await step("other content of the same version is refused", async () => {
    const { code, output } = await publish(await changed(), env);
    expect(code !== 0 && output.includes("with another content"), output);
    expectSame(there.published.splice(0), []);
  });
  const examples = examplesIn(readFileSync(join(root, "README.md"), "utf8"));
  for (const [name, install] of Object.entries(installers)) {
    const project = join(folder, `by-${name}`);
    await step(`${name} installs netsvc from ${url}`, () => install(project, there));
    await step(`${name}: doctor and netsvcd`, () => checkInstalledHub(project, HERE));
    await step(`${name}: the examples of README.md`, async () => {
      await compileExamples(project, examples, env);
      await runExamples(project, examples, env);
    });
  }
  for (const { platform, cpu, libc } of targets.filter((one) => platforms.includes(one.platform))) {
    const project = join(folder, `for-${platform}`);
    await step(`npm installs it for ${platform}`, async () => {
      await installByNpm(project, there, [`--cpu=${cpu}`, "--os=linux", `--libc=${libc}`]);
      const found = readdirSync(join(project, "node_modules")).filter((one) => /^\w/.test(one));
      expectSame(found.sort(), ["netsvc", `netsvc-${platform}`]);
    });
  }
  console.log("rehearsal: all of it worked");
} catch (error) {
  console.error(`rehearsal: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
} finally {
  await registry?.stop();
  rmSync(folder, { recursive: true, force: true });
}

/**
 * @param {string} title
 * @param {() => Promise<void>} work throws an `Error` that says what is wrong
 */
async function step(title, work) {
  try {
    await work();
    console.log(`rehearsal: ok: ${title}`);
  } catch (error) {
    throw new Error(`FAILED: ${title}\n${error instanceof Error ? error.message : error}`);
  }
}

/** Puts together what the jobs of the workflow would have built; resolves with the platforms. */
async function collect() {
  mkdirSync(artifacts);
  const built = join(root, "artifacts");
  if (existsSync(built)) cpSync(built, artifacts, { recursive: true });
  const here = join(artifacts, HERE);
  if (!existsSync(here)) {
    mkdirSync(here);
    const addon = `netsvc.${HERE}.node`;
    copyFileSync(join(root, "native", addon), join(here, addon));
    const { code } = await run("cargo", ["build", "--quiet", "--package", "netsvc-hub"]);
    if (code !== 0) throw new Error("netsvcd could not be built");
    copyFileSync(join(root, "target/debug", HUB), join(here, HUB));
  }
  for (const platform of readdirSync(artifacts))
    for (const file of readdirSync(join(artifacts, platform)))
      chmodSync(join(artifacts, platform, file), 0o644);
  return readdirSync(artifacts).sort();
}

/** @param {readonly string[]} platforms */
async function pack(platforms) {
  const script = join(root, "scripts/pack-release.mjs");
  const args = [script, "--from", artifacts, "--to", packed, ...platforms];
  const { code, stdout, stderr } = await run(process.execPath, args, { quiet: true });
  expect(code === 0, stdout + stderr);
}

/**
 * @param {string} from
 * @param {NodeJS.ProcessEnv} env
 */
async function publish(from, env) {
  const script = join(root, "scripts/release-publish.mjs");
  const options = { env: { ...env, NETSVC_PACKED: from }, quiet: true };
  const { code, stdout, stderr } = await run(process.execPath, [script], options);
  return { code, output: stdout + stderr };
}

/** The same packages, one of them compressed in another way. */
async function changed() {
  const other = join(folder, "changed");
  mkdirSync(other);
  const packages = readPacked(packed).map((one) => ({ ...one, tarball: join(packed, one.file) }));
  const [first] = packages;
  if (first === undefined) throw new Error("nothing was packed");
  const work = join(folder, first.file);
  writeFileSync(work, gzipSync(gunzipSync(readFileSync(first.tarball)), { level: 1 }));
  writePacked(other, [{ ...first, tarball: work }, ...packages.slice(1)]);
  return other;
}

/**
 * @param {boolean} condition
 * @param {string} message
 */
function expect(condition, message) {
  if (!condition) throw new Error(message);
}

/**
 * @param {readonly string[]} found
 * @param {readonly string[]} wanted
 */
function expectSame(found, wanted) {
  expect(found.join() === wanted.join(), `${found.join(" ")} instead of ${wanted.join(" ")}`);
}
