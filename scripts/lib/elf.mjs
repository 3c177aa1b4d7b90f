// What a shared object or program for Linux tells about itself, and what is wrong with it.

import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { root } from "./root.mjs";
import { run } from "./run.mjs";

/** Of one file, in bytes (2.5 MB). */
export const LARGEST = 2_500_000;

/** Gateways that are in the field run systems from 2014 on. */
const NEWEST_GLIBC = "2.17";

/** What Node looks up in an addon. */
const NODE_API = ["napi_register_module_v1", "node_api_module_get_api_version_v1"];

/** Libraries of the C library itself, of any of the two. */
const LIBC =
  /^(lib(c|m|dl|rt|pthread|util)\.so(\.\d+)?|ld-linux[\w-]*\.so\.\d|ld-musl-\w+\.so\.1)$/;

/**
 * @typedef {object} Elf
 * @property {string} machine
 * @property {string[]} needed libraries
 * @property {string | undefined} glibc the newest version that a symbol is asked from
 * @property {string[]} exported symbols
 * @property {string[]} debug sections with debug information or symbols
 * @property {string} content every byte as a character
 */

/**
 * @param {string} path
 * @returns {Promise<Elf>}
 */
export async function inspect(path) {
  const header = await readelf("--file-header", path);
  const dynamic = await readelf("--dynamic", path);
  const symbols = await readelf("--dyn-syms", path);
  const sections = await readelf("--section-headers", path);
  const versions = [...(await readelf("--version-info", path)).matchAll(/GLIBC_([\d.]+)/g)];
  return {
    machine: /Machine:\s+(.*)/.exec(header)?.[1] ?? "?",
    needed: [...dynamic.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map((match) => match[1] ?? ""),
    glibc: versions
      .map((match) => match[1] ?? "")
      .sort(byVersion)
      .at(-1),
    exported: [...symbols.matchAll(/ (?:GLOBAL|WEAK) +DEFAULT +\d+ (\S+)/g)].map(
      (match) => match[1] ?? "",
    ),
    debug: [...sections.matchAll(/ (\.z?debug_\w+|\.symtab) /g)].map((match) => match[1] ?? ""),
    content: readFileSync(path, "latin1"),
  };
}

/**
 * @param {Elf} elf
 * @param {{ target: import("./targets.mjs").Target, size: number, addon: boolean }} wanted
 * @returns {string[]}
 */
export function faultsOf(elf, { target, size, addon }) {
  const faults = [];
  if (elf.machine !== target.machine) faults.push(`is for ${elf.machine}`);
  if (size > LARGEST) faults.push(`has ${size} bytes, more than ${LARGEST}`);
  const strangers = elf.needed.filter((name) => !LIBC.test(name));
  if (strangers.length > 0) faults.push(`needs ${strangers.join(", ")}`);
  if (target.libc === "musl") {
    const glibc = elf.needed.filter((name) => name !== "libc.so" && !name.startsWith("ld-musl-"));
    if (glibc.length > 0) faults.push(`needs ${glibc.join(", ")}, which musl does not have`);
    if (elf.glibc !== undefined) faults.push(`asks for glibc ${elf.glibc}`);
  } else if (elf.glibc === undefined) {
    faults.push("asks for no version of glibc, which is hard to believe");
  } else if (byVersion(elf.glibc, NEWEST_GLIBC) > 0) {
    faults.push(`asks for glibc ${elf.glibc}, newer than ${NEWEST_GLIBC}`);
  }
  const exported = elf.exported.filter((name) => !addon || !NODE_API.includes(name));
  if (exported.length > 0) faults.push(`exports ${exported.slice(0, 10).join(", ")}`);
  if (addon && !elf.exported.includes("napi_register_module_v1")) faults.push("is no addon");
  if (elf.debug.length > 0) faults.push(`has ${elf.debug.join(", ")}`);
  for (const path of [root, `${homedir()}/`, "/home/", ".cargo/registry", "crates.io-"])
    if (elf.content.includes(path)) faults.push(`contains ${path}`);
  return faults;
}

/**
 * @param {string} a
 * @param {string} b
 */
function byVersion(a, b) {
  const [one = [], other = []] = [a, b].map((text) => text.split(".").map(Number));
  for (let at = 0; at < Math.max(one.length, other.length); at += 1) {
    const difference = (one[at] ?? 0) - (other[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * @param {string} what
 * @param {string} path
 */
async function readelf(what, path) {
  const { code, stdout, stderr } = await run("readelf", ["--wide", what, path], { quiet: true });
  if (code !== 0) throw new Error(`readelf: ${stderr}`);
  return stdout;
}
