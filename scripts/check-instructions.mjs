// `npm run check:instructions [-- --write]`: counts the instructions and allocations that a message
// costs in each step of its way, by callgrind, and compares them with what is committed in FILE.
// Fails when a step takes more instructions than TOLERANCE lets pass, or allocates more often;
// `--write` commits to what was counted.
//
// A count does not depend on how busy the machine is, and hardly on which machine it is: valgrind
// presents the same processor to every program, apart from vector extensions that the real one
// lacks, and TUNABLES take those from the C library. What is left are the version of the C library
// (only its allocator, by a few instructions) and that of Rust: with another than FILE was written
// by, the larger tolerance holds.
//
// What was counted stays in FOLDER, for callgrind_annotate.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { installDebian } from "./lib/debian.mjs";
import { compare, readProfile, TOLERANCE } from "./lib/instructions.mjs";
import { root } from "./lib/root.mjs";
import { run } from "./lib/run.mjs";

/** @typedef {import("./lib/instructions.mjs").Committed} Committed */
/** @typedef {import("./lib/instructions.mjs").Cost} Cost */

const FILE = "crates/netsvc-bench/instructions.json";
const FOLDER = join(root, ".cache/instructions");
const PROGRAM = join(root, "target/profiling/instructions");

/** The C library takes its plainest copies, and decides nothing by the size of caches. */
const TUNABLES = [
  "hwcaps=-AVX2,-AVX2_Usable,-AVX512F,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM",
  "x86_non_temporal_threshold=0xc0000",
  "x86_rep_movsb_threshold=0x800",
].map((tunable) => `glibc.cpu.${tunable}`);

/** What is counted: a step, and how many receive. @type {ReadonlyArray<[string, number]>} */
const COUNTED = [
  ["publish", 1],
  ["route report", 1],
  ["route report", 8],
  ["hear", 1],
  ["hear, queued", 1],
  ["ask", 1],
  ["route request", 1],
  ["answer", 1],
  ["answer, queued", 1],
  ["route response", 1],
  ["conclude", 1],
  ["conclude, queued", 1],
];

try {
  const { write } = parseArgs({ options: { write: { type: "boolean", default: false } } }).values;
  const missing = await missingValgrind();
  if (missing === undefined) process.exit((await check(write)) ? 0 : 1);
  console.log(`instructions: skipped: ${missing}`);
  process.exit(write ? 1 : 0);
} catch (error) {
  console.error(`instructions: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}

/** @param {boolean} write */
async function check(write) {
  const { rust, target } = await toolchain();
  /** @type {Committed} */
  const committed = JSON.parse(readFileSync(join(root, FILE), "utf8"));
  if (!write && committed.target !== target) {
    console.log(`instructions: skipped: the figures are for ${committed.target}, not ${target}`);
    return true;
  }
  await build();
  const figures = await countAll();
  const tolerance = committed.rust === rust ? TOLERANCE.sameRust : TOLERANCE.otherRust;
  const { rows, faults, lower } = compare(committed.figures, figures, tolerance);
  console.log(table(rows));
  if (write) {
    const date = new Date().toISOString().slice(0, 10);
    writeFileSync(
      join(root, FILE),
      `${JSON.stringify({ rust, target, date, figures }, null, 2)}\n`,
    );
    console.log(`instructions: written to ${FILE}`);
    return true;
  }
  if (committed.rust !== rust) {
    console.log(
      `instructions: this is Rust ${rust}, and ${FILE} is of Rust ${committed.rust}: ` +
        `${tolerance * 100} % more are let pass, not ${TOLERANCE.sameRust * 100}`,
    );
  }
  if (lower.length > 0) {
    console.log(`instructions: fewer than committed, to be written: ${lower.join(", ")}`);
  }
  for (const fault of faults) console.error(`instructions: ${fault}`);
  if (faults.length > 0) {
    console.error(
      `instructions: ${FILE} is of ${committed.date}. ` +
        "If it must be so: npm run check:instructions -- --write",
    );
  }
  return faults.length === 0;
}

async function build() {
  const options = ["--profile", "profiling", "--package", "netsvc-bench", "--bin", "instructions"];
  const { code } = await run("cargo", ["build", "--locked", ...options]);
  if (code !== 0) throw new Error("the program to be counted could not be built");
}

async function countAll() {
  mkdirSync(FOLDER, { recursive: true });
  /** @type {Record<string, Cost>} */
  const figures = {};
  for (const [step, receivers] of COUNTED) {
    const title = receivers === 1 ? step : `${step}, ${receivers} receivers`;
    figures[title] = await count(step, receivers);
  }
  return figures;
}

/**
 * @param {string} step
 * @param {number} receivers
 * @returns {Promise<Cost>} for each message
 */
async function count(step, receivers) {
  const out = join(FOLDER, `${step.replace(/[ ,]+/g, "-")}-${receivers}.out`);
  const valgrind = ["--quiet", "--tool=callgrind", `--callgrind-out-file=${out}`];
  const form = ["--dump-instr=yes", "--compress-strings=no", "--compress-pos=no"];
  const only = ["--collect-atstart=no", "--toggle-collect=instructions::counted*"];
  const { code, stdout, stderr } = await run(
    "valgrind",
    [...valgrind, ...form, ...only, PROGRAM, step, String(receivers)],
    // Nothing else: what surrounds a program must not change where things lie in its memory.
    { quiet: true, env: { PATH: process.env.PATH, GLIBC_TUNABLES: TUNABLES.join(":") } },
  );
  const messages = Number(stdout);
  if (code !== 0 || !(messages > 0)) throw new Error(`${step} failed:\n${stdout}${stderr}`);
  const { instructions, allocations } = readProfile(readFileSync(out, "utf8"));
  return {
    instructions: Math.round(instructions / messages),
    allocations: Number((allocations / messages).toFixed(2)),
  };
}

async function toolchain() {
  const { stdout } = await run("rustc", ["-vV"], { quiet: true });
  const rust = /^release: (.*)$/m.exec(stdout)?.[1];
  const target = /^host: (.*)$/m.exec(stdout)?.[1];
  if (rust === undefined || target === undefined) throw new Error("there is no rustc");
  return { rust, target };
}

/** Why there is no valgrind; installs it where that is possible. */
async function missingValgrind() {
  if (process.platform !== "linux") return "valgrind is only used on Linux";
  if ((await run("valgrind", ["--version"], { quiet: true })).code === 0) return undefined;
  try {
    await installDebian(["valgrind"]);
    return undefined;
  } catch (error) {
    return `there is no valgrind: ${error instanceof Error ? error.message : error}`;
  }
}

/** @param {readonly string[][]} rows the first is the head */
function table(rows) {
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) => row.map((cell, column) => pad(cell, column, widths?.[column] ?? 0)).join("  "))
    .join("\n");
}

/**
 * The first column is text, the others are numbers.
 * @param {string} cell
 * @param {number} column
 * @param {number} width
 */
function pad(cell, column, width) {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}
