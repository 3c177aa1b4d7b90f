// `npm run check:dependencies`: licences, duplicates and sources of all crates that are compiled
// into what is published, by cargo-deny and deny.toml. (Advisories have to be fetched from
// elsewhere, and change without a commit: `cargo deny check advisories`, where their database can
// be reached.)

import { cargoTool } from "./lib/cargo-tool.mjs";
import { run } from "./lib/run.mjs";

const VERSION = "0.20.2";

try {
  const program = await cargoTool("cargo-deny", VERSION);
  const checks = ["licenses", "bans", "sources"];
  const { code } = await run(program, ["--locked", "check", "--deny", "warnings", ...checks]);
  process.exit(code);
} catch (error) {
  console.error(`dependencies: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}
