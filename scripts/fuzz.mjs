// `npm run fuzz -- <target> [--minutes N]`: fuzzes one target of fuzz/, for ten minutes if not said
// otherwise; `npm run fuzz -- --all` all of them, one after the other, each for that long. Needs a
// C++ compiler and `cargo install cargo-fuzz`; see fuzz/README.md.

import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "./lib/root.mjs";
import { run } from "./lib/run.mjs";

const known = readdirSync(join(root, "fuzz/fuzz_targets")).map((file) => file.replace(".rs", ""));
const { targets, minutes } = readArguments();

const { code: missing } = await run("cargo", ["fuzz", "--version"], { quiet: true });
if (missing !== 0) exit('cargo-fuzz is not there; run "cargo install cargo-fuzz"');
const { stdout: version } = await run("rustc", ["--version"], { quiet: true });

// All have their time, whatever one of them finds.
let failed = 0;
for (const target of targets) {
  console.log(`fuzz: ${target}, for ${minutes} min`);
  if ((await fuzz(target)) !== 0) {
    failed++;
    console.error(`fuzz: an input that breaks a promise is in fuzz/artifacts/${target}`);
  }
}
process.exit(failed === 0 ? 0 : 1);

/** @param {string} target */
async function fuzz(target) {
  // What is found goes into the first folder; the second one is what is committed, and only read.
  const found = join(root, "fuzz/corpus", target);
  const committed = join(root, "crates/netsvc-core/tests/corpus", target);
  mkdirSync(found, { recursive: true });
  const limits = [
    `-max_total_time=${Math.round(minutes * 60)}`,
    "-rss_limit_mb=1024",
    // Each input of it is tried in a world of thousands.
    `-timeout=${target === "cost" ? 120 : 20}`,
  ];
  const lengths = [`-max_len=${target === "decoder" ? 4096 : 1024}`, "-len_control=0"];
  const { code } = await run(
    "cargo",
    [
      ...["fuzz", "run", "--sanitizer", "none", "--debug-assertions", target, found, committed],
      "--",
      ...limits,
      ...lengths,
      "-print_final_stats=1",
    ],
    {
      // The flags that count coverage are not stable, but do not change what is compiled.
      env: version.includes("nightly") ? process.env : { ...process.env, RUSTC_BOOTSTRAP: "1" },
    },
  );
  return code;
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      options: {
        all: { type: "boolean", default: false },
        minutes: { type: "string", default: "10" },
      },
      allowPositionals: true,
    });
    const minutes = Number(values.minutes);
    const named = positionals.length === 1 && known.includes(positionals[0] ?? "");
    if (values.all ? positionals.length > 0 : !named) {
      return exit(`name one of the targets ${known.join(", ")}, or --all`);
    }
    if (!(minutes > 0)) return exit("--minutes takes a number above 0");
    return { targets: values.all ? known : positionals, minutes };
  } catch (error) {
    return exit(error instanceof Error ? error.message : String(error));
  }
}

/**
 * @param {string} text
 * @returns {never}
 */
function exit(text) {
  console.error(`fuzz: ${text}`);
  process.exit(1);
}
