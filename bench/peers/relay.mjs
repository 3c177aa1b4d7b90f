// The least that must be done, without Node: bench/relay. It bounds what can be reached; it does
// not compare, for it can do nothing else.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../scripts/lib/root.mjs";
import { run } from "../../scripts/lib/run.mjs";

const PROGRAM = join(root, ".cache/relay/release/relay");
/** What the roles of the relay can do. */
const ROLES = ["requester", "responder", "publisher", "subscriber"];

/** Builds what has changed; resolves with whether it is there. */
async function build() {
  const manifest = join(root, "bench/relay/Cargo.toml");
  const folder = join(root, ".cache/relay");
  const args = ["build", "--release", "--quiet", "--manifest-path", manifest];
  const { code, stderr } = await run("cargo", [...args, "--target-dir", folder], { quiet: true });
  if (code !== 0 && stderr !== "") console.error(stderr);
  return code === 0 && existsSync(PROGRAM);
}

/**
 * @param {boolean} unix
 * @returns {import("../lib/types.js").Peer}
 */
function relay(unix) {
  /** Never called: the roles are programs. */
  const program = async () => {
    throw new Error("the relay has no JavaScript");
  };
  return {
    settings: ["no window: TCP holds the publisher back", ...(unix ? ["Unix socket"] : [])],
    missing: async () => ((await build()) ? undefined : "bench/relay could not be built"),
    version: async () => "native",
    program: (role, options) => ({
      program: PROGRAM,
      args: [role, JSON.stringify({ ...options, unix: unix ? 1 : 0 })],
    }),
    ...Object.fromEntries(ROLES.map((role) => [role, program])),
  };
}

export const peers = { limit: relay(false), "limit-unix": relay(true) };
