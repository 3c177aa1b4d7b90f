// `node scripts/test-platform.mjs platform [--node 26] [--all] [vitest arguments]`: the TypeScript
// tests on a Node of that platform, here on an x86_64 Debian, against the packed package and the
// addon of `npm run build:targets -- platform`, installed from their tarballs. arm64 is emulated
// (`npm run test:arm64`), musl is Debian's (`npm run test:musl`). The last line is `N passed, N
// failed`.
//
// On an emulated processor all waits are stretched, and everything takes three to thirty times as
// long. So unless told `--all`, which takes an hour, only what touches the addon and starts few
// processes is tested there, once: see `EMULATED`. What measures memory or runs for long (tags of
// the tests) is always left out and listed: the emulator's translations of code stay in the process.
// Mistakes in memory order do not show there, for x86_64 orders more than arm64 does.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { vitestCounts } from "./lib/counts.mjs";
import { otherNode } from "./lib/other-node.mjs";
import { root } from "./lib/root.mjs";
import { run } from "./lib/run.mjs";
import { targetsOf } from "./lib/targets.mjs";
import { testProject } from "./lib/test-project.mjs";
import { setupOrExit, toolPath } from "./setup.mjs";

/** Longest run, in milliseconds: an emulator that hangs does so for ever. */
const LONGEST = 90 * 60_000;

/** What is tested on an emulated processor; real ones are tested with everything. */
const EMULATED = [
  ...["border", "loader", "ose", "unit", "wire"],
  ...["hub-restart", "io", "order", "reports", "requests", "streams", "unix-socket", "workers"].map(
    (name) => `e2e/${name}`,
  ),
].map((name) => `__test__/${name}`);

/** @typedef {import("./lib/other-node.mjs").OtherNode} OtherNode */

const { platform, version, all, rest } = readArguments(process.argv.slice(2));
await setupOrExit({ examples: true });
let counts = { passed: 0, failed: 1 };
try {
  const [target] = targetsOf([platform]);
  if (target === undefined) throw new Error("name a platform");
  const folder = join(root, ".cache/platform-tests", `${platform}-${version}`);
  const node = await otherNode(join(folder, "bin"), target, version);
  const project = await testProject(folder, target);
  await checkNode(node, project, `${target.cpu} ${target.libc}`);
  const asked = rest.some((argument) => !argument.startsWith("-"));
  const selected = node.emulated && !all && !asked ? EMULATED : [];
  const projects = node.emulated && !rest.some(isProject) ? ["--project=auto"] : [];
  counts = await runTests(node, project, [...rest, ...selected, ...projects]);
} catch (error) {
  console.error(`test: ${error instanceof Error ? error.message : error}`);
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed === 0 ? 0 : 1);

/** @param {string[]} args */
function readArguments([platform = "", ...args]) {
  const at = args.indexOf("--node");
  const [, version = ""] = at < 0 ? [] : args.splice(at, 2);
  const rest = args.filter((argument) => argument !== "--all");
  return { platform, version, all: rest.length < args.length, rest };
}

/** @param {string} argument */
function isProject(argument) {
  return argument.startsWith("--project");
}

/**
 * That the tests will run where they must: otherwise all that follows means nothing.
 * @param {OtherNode} node
 * @param {string} project
 * @param {string} wanted processor and C library
 */
async function checkNode({ program, emulated }, project, wanted) {
  const script = `
    require(${JSON.stringify(`netsvc-${platform}`)});
    const { header } = process.report.getReport();
    const libc = header.glibcVersionRuntime === undefined ? "musl" : "glibc";
    const is = process.arch + " " + libc;
    const [, version] = process.argv;
    if (version === undefined) {
      const { spawnSync } = require("node:child_process");
      const args = ["-e", process._eval, process.versions.node];
      const child = spawnSync(process.execPath, args, { encoding: "utf8" });
      const { io } = require("netsvc").registry;
      process.stdout.write(JSON.stringify([is, process.versions.node, child.stdout, io]));
    } else process.stdout.write(is);`;
  const args = ["120", program, "-e", script];
  const { stdout, stderr } = await run("timeout", args, { cwd: project, quiet: true });
  const [is, version, child, io] = stdout.startsWith("[") ? JSON.parse(stdout) : [];
  if (is !== wanted || child !== wanted)
    throw new Error(`the Node for ${wanted} does not work: ${stdout}${stderr}`);
  if (io !== (process.env.NETSVC_IO === "thread" ? "thread" : "loop"))
    throw new Error(`Node's event loop is not used there: io is ${io}`);
  console.log(`test: Node ${version}, ${is}${emulated ? ", emulated" : ""}, io: ${io}`);
}

/**
 * @param {OtherNode} node
 * @param {string} project
 * @param {string[]} args for Vitest
 * @returns {Promise<import("./lib/counts.mjs").Counts>}
 */
async function runTests({ program, version, emulated, slower }, project, args) {
  const report = join(project, "report.json");
  const start = performance.now();
  const vitest = "node_modules/vitest/vitest.mjs";
  const { code } = await run(
    "timeout",
    [
      ...["--kill-after=30", String(LONGEST / 1000), program, vitest, "run"],
      ...(emulated ? ["--tags-filter=!memory && !soak"] : []),
      ...["--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...args],
    ],
    { cwd: project, env: { ...process.env, NETSVC_TIME_SCALE: String(slower) } },
  );
  const text = existsSync(report) ? readFileSync(report, "utf8") : undefined;
  const counts = vitestCounts(text, code);
  const leftOut = namesLeftOut(text ?? "{}");
  for (const name of leftOut) console.log(`left out: ${name}`);
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  const native = await nativeTests(args);
  console.log(
    `${platform}, Node ${version}: ${counts.passed} tests passed, ${counts.failed} failed, ` +
      `${leftOut.length} left out, in ${seconds} s; natively there are ${native}`,
  );
  const run_ = counts.passed + counts.failed + leftOut.length;
  if (counts.failed > 0 || run_ === native) return counts;
  console.error(`test: ${native - run_} tests are missing`);
  return { ...counts, failed: 1 };
}

/** @param {string} report */
function namesLeftOut(report) {
  /** @type {{ testResults?: { assertionResults: { status: string, fullName: string }[] }[] }} */
  const { testResults = [] } = JSON.parse(report);
  const all = testResults.flatMap(({ assertionResults }) => assertionResults);
  const run = ["passed", "failed"];
  return all.filter(({ status }) => !run.includes(status)).map(({ fullName }) => fullName);
}

/**
 * How many tests there are for the Node that runs this script, with the same arguments.
 * @param {string[]} args
 */
async function nativeTests(args) {
  // `--json` comes last: it would take what follows for the file to write.
  const list = [toolPath("vitest", "vitest"), "list", ...args, "--json"];
  const { code, stdout, stderr } = await run(process.execPath, list, { quiet: true });
  if (code !== 0) throw new Error(`the native tests cannot be listed:\n${stderr}`);
  return JSON.parse(stdout.slice(stdout.indexOf("["))).length;
}
