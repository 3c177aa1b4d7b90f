// `netsvc doctor`: what is installed, and whether it works here.

import { createRequire } from "node:module";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import {
  type FoundPackage,
  findPackages,
  type Platform,
  packageOf,
  platformOf,
  type Surroundings,
  surroundings,
  targetOf,
} from "../border/installation.js";
import { describePackage, describePlatform } from "../border/load-failure.js";
import { loadNative } from "../border/native.js";
import type { IoMode } from "../options/io.js";
import { type Copy, findCopies } from "./find-copies.js";
import { type Found, findNetsvcd } from "./find-netsvcd.js";
import { type SelfTest, selfTest } from "./self-test.js";

/** Everything that doctor finds out; printed as it is by `--json`. */
export interface Findings extends Platform {
  /** Of this package. */
  readonly version: string;
  readonly node: string;
  readonly packageExpected: string | undefined;
  readonly packagesFound: readonly FoundPackage[];
  readonly addon: Addon;
  /** The hub without Node; `missing` says why it is not there, which is no problem. */
  readonly netsvcd: Found;
  /** undefined: the system has none, or does not say. */
  readonly openFiles: { soft: number | string; hard: number | string } | undefined;
  /** undefined: not run, because the addon did not load. */
  readonly selfTest: SelfTest | undefined;
  /** Of netsvc in the project around the working directory; one is as it should be. */
  readonly copies: readonly Copy[];
  /** What works, and may surprise. */
  readonly notes: readonly string[];
  /** What is wrong; none: exit code 0. */
  readonly problems: readonly string[];
}

type Addon =
  | { readonly loaded: true; readonly file: string | undefined; readonly version: string }
  | { readonly loaded: false; readonly error: string };

/** The oldest Node that netsvc supports. */
const OLDEST_NODE = [20, 19] as const;

/** Resolves with the exit code. */
export async function doctor(args: readonly string[]): Promise<number> {
  let json: boolean;
  try {
    const { values } = parseArgs({ args: [...args], options: { json: { type: "boolean" } } });
    json = values.json === true;
  } catch (error) {
    process.stderr.write(`netsvc doctor: ${(error as Error).message}\n`);
    return 2;
  }
  const findings = await examine(surroundings());
  process.stdout.write(json ? `${JSON.stringify(findings, null, 2)}\n` : describe(findings));
  return findings.problems.length === 0 ? 0 : 1;
}

/**
 * Looks at everything. `load` puts something else in the addon's place, for tests; `project` is a
 * folder of the project that is looked at.
 */
export async function examine(
  where: Surroundings,
  load: () => unknown = loadNative,
  test: () => Promise<SelfTest> = selfTest,
  project: string = process.cwd(),
): Promise<Findings> {
  const platform = platformOf(where);
  const target = targetOf(platform);
  const packagesFound = findPackages(where);
  const { version } = where;
  const addon = examineAddon(load, packagesFound, version);
  const tested = addon.loaded ? await test() : undefined;
  const problems = [...problemsOf(addon, process.versions.node)];
  if (tested?.ok === false)
    problems.push(`the self-test failed at ${tested.step}: ${tested.error}`);
  const copies = findCopies(project);
  return {
    ...platform,
    version,
    node: process.versions.node,
    packageExpected: target === undefined ? undefined : packageOf(target),
    packagesFound,
    addon,
    netsvcd: findNetsvcd(where),
    openFiles: openFilesOf(where),
    selfTest: tested,
    copies,
    notes: [...notesOn(copies)],
    problems,
  };
}

function examineAddon(
  load: () => unknown,
  packages: readonly FoundPackage[],
  version: string,
): Addon {
  try {
    load();
  } catch (error) {
    return { loaded: false, error: (error as Error).message };
  }
  // Only the loader knows which it took; the module cache shows it.
  const cache = Object.keys(createRequire(import.meta.filename).cache ?? {});
  const file = cache.find((path) => /^netsvc\..*\.node$/.test(basename(path)));
  const from = packages.find(({ folder }) => file?.startsWith(folder));
  // One that was built in a checkout has the version of the checkout.
  return {
    loaded: true,
    file,
    version: from === undefined ? version : (from.version ?? "unknown"),
  };
}

function* problemsOf(addon: Addon, node: string): Generator<string> {
  const [major = 0, minor = 0] = node.split(".").map(Number);
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    yield `Node ${node} is too old: netsvc needs ${OLDEST_NODE.join(".")}`;
  }
  if (!addon.loaded) yield addon.error;
}

function* notesOn(copies: readonly Copy[]): Generator<string> {
  if (copies.length < 2) return;
  const list = copies.map(({ folder, version }) => `${version ?? "unknown"} in ${folder}`);
  yield `this project has ${copies.length} copies of netsvc: ${list.join("; ")}. ` +
    "In one process each has a default registry of its own, and does not see the services of " +
    "another but over an exchange. What to do: run npm dedupe (or that of your package manager) " +
    "with one version for all, let libraries name netsvc in peerDependencies, or give them the " +
    "application's registry";
}

function openFilesOf(where: Surroundings): Findings["openFiles"] {
  const limits = Object(Object(where.report()).userLimits).open_files;
  if (limits === undefined) return undefined;
  const { soft, hard } = Object(limits);
  return { soft, hard };
}

/** For people. */
export function describe(findings: Findings): string {
  const { addon, netsvcd, openFiles, selfTest, packagesFound, copies } = findings;
  const rows: [string, string][] = [
    ["netsvc", findings.version],
    ["platform", describePlatform(findings)],
    ["Node", findings.node],
    ["package expected", findings.packageExpected ?? "none: there is no package for this platform"],
    ["packages found", packagesFound.map(describePackage).join(", ") || "none"],
    [
      "addon",
      addon.loaded ? `${addon.version}${addon.file ? ` (${addon.file})` : ""}` : "does not load",
    ],
    [
      "netsvcd",
      "path" in netsvcd
        ? `${netsvcd.version} (${netsvcd.path})`
        : `none: ${netsvcd.missing}; netsvc hub runs in Node`,
    ],
    [
      "open files",
      openFiles === undefined ? "no limit known" : `${openFiles.soft} (${openFiles.hard} at most)`,
    ],
    ["io", selfTest?.ok === true ? describeIo(selfTest.io) : "not known"],
    ["self-test", describeTest(selfTest)],
    ["in this project", describeCopies(copies)],
  ];
  const lines = rows.map(([name, value]) => `${name.padEnd(17)} ${value}`);
  const { notes, problems } = findings;
  const end = [
    ...notes.map((each) => `NOTE: ${each}`),
    ...(problems.length === 0 ? ["everything works"] : problems.map((each) => `PROBLEM: ${each}`)),
  ];
  return `${[...lines, "", ...end].join("\n")}\n`;
}

function describeIo(io: IoMode): string {
  return io === "loop"
    ? "loop: links of clients are read on Node's event loop"
    : "thread: all links are read on netsvc's own thread";
}

function describeCopies(copies: readonly Copy[]): string {
  return (
    copies.map(({ folder, version }) => `${version ?? "unknown"} (${folder})`).join(", ") || "none"
  );
}

function describeTest(test: SelfTest | undefined): string {
  if (test === undefined) return "not run";
  if (!test.ok) return `failed at ${test.step}`;
  const { connectMs, requestMs, reportMs } = test;
  return `passed: connected in ${connectMs} ms, a request took ${requestMs} ms, a report ${reportMs} ms`;
}
