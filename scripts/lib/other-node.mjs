// Node as it is on other systems than this x86_64 Debian, run here.

import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { installDebian } from "./debian.mjs";
import { fetched } from "./fetched.mjs";
import { MUSL_NODE, muslNode } from "./musl-node.mjs";

/**
 * How much slower an emulated processor is at most: two to eight times for JavaScript, fifteen
 * times for the start of a process.
 */
const EMULATED = 10;

/**
 * @typedef {object} OtherNode
 * @property {string} program its path
 * @property {string} version
 * @property {boolean} emulated
 * @property {number} slower how many times, at most
 */

/**
 * @param {string} folder where a start script may go
 * @param {import("./targets.mjs").Target} target
 * @param {string} version a major version, or a whole one; "" for a usual one
 * @returns {Promise<OtherNode>}
 */
export async function otherNode(folder, { platform, cpu, libc }, version) {
  if (cpu === "arm") throw new Error(`there is no Node to test ${platform}`);
  const wanted = version === "" ? (libc === "musl" ? MUSL_NODE : "22") : version;
  if (libc === "musl" && wanted !== MUSL_NODE && wanted !== MUSL_NODE.split(".")[0])
    throw new Error(`the only Node for musl is ${MUSL_NODE}`);
  const node = await (libc === "musl" ? muslNode(cpu) : glibcNode(cpu, wanted));
  const emulated = cpu !== process.arch;
  // Node 26 needs libatomic; the C and C++ libraries come along. An emulated program must find
  // those where it would on its own system: with qemu's -L it mixes two C libraries and spins for
  // ever.
  if (emulated) await installDebian(["qemu-user-static", "libatomic1:arm64", "libstdc++6:arm64"]);
  const program = wrap(folder, emulated ? `qemu-aarch64-static '${node}'` : `'${node}'`, libc);
  return { program, version: wanted, emulated, slower: emulated ? EMULATED : 1 };
}

/**
 * @param {string} cpu
 * @param {string} version
 */
async function glibcNode(cpu, version) {
  return join(await fetched(`node-linux-${cpu}`, version), "bin/node");
}

/**
 * Makes a program of a command. `process.execPath` names the program, so that what Node starts runs
 * in the same way; nothing is registered in the kernel.
 * @param {string} folder
 * @param {string} command
 * @param {"glibc" | "musl"} libc
 */
function wrap(folder, command, libc) {
  mkdirSync(folder, { recursive: true });
  const program = join(folder, "node");
  const preload = join(folder, "preload.cjs");
  const lines = [
    `process.execPath = ${JSON.stringify(program)};`,
    "process.argv[0] = process.execPath;",
  ];
  // Loaders of addons look into ldd first, and this system's is that of glibc.
  if (libc === "musl")
    lines.push(
      'const fs = require("node:fs");',
      "const { readFileSync } = fs;",
      "fs.readFileSync = (path, ...rest) =>",
      '  readFileSync(path === "/usr/bin/ldd" ? "/usr/bin/ldd of musl" : path, ...rest);',
      'require("node:module").syncBuiltinESMExports();',
    );
  writeFileSync(preload, `${lines.join("\n")}\n`);
  const script = `#!/bin/sh\nNODE_OPTIONS='--require=${preload}' exec ${command} "$@"\n`;
  writeFileSync(program, script);
  chmodSync(program, 0o755);
  return program;
}
