// `npm run check:foreign`: type-checks the crates for Windows and macOS on Debian 12, where no
// standard library for these comes ready made: Debian's sources of it are compiled along. What this
// shows is that the code compiles, warnings counting as errors; nothing is linked or run. What that
// needs is installed.

import { join } from "node:path";
import { installDebian } from "./lib/debian.mjs";
import { root } from "./lib/root.mjs";
import { run } from "./lib/run.mjs";

const TARGETS = ["x86_64-pc-windows-msvc", "aarch64-apple-darwin"];
/**
 * Not the benchmark's and the test kit's: they are for Linux, and need a C compiler for the target.
 */
const CRATES = ["netsvc-core", "netsvc-net", "netsvc-node", "netsvc-hub"];

try {
  await installDebian(["rustc-web", "cargo-web", "rust-web-src", "gcc", "libc6-dev"]);
  const env = {
    ...process.env,
    PATH: `/usr/bin:/bin:${process.env.PATH}`,
    RUSTC: "/usr/bin/rustc",
    RUSTFLAGS: "-Dwarnings",
    RUSTC_BOOTSTRAP: "1", // Debian's compiler is a stable one; -Z is refused without
  };
  const crates = CRATES.flatMap((crate) => ["--package", crate]);
  const folder = ["--target-dir", join(root, ".cache/foreign")];
  for (const target of TARGETS) {
    const args = ["check", "--locked", "-Zbuild-std=std,panic_unwind", "--target", target];
    const { code } = await run("/usr/bin/cargo", [...args, ...folder, ...crates], { env });
    if (code !== 0) throw new Error(`the crates do not compile for ${target}; see above`);
    console.error(`check:foreign: the crates compile for ${target}`);
  }
} catch (error) {
  console.error(`check:foreign: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}
