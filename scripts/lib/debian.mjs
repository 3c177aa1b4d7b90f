// Packages of the Debian system that the scripts run on.

import { readFileSync } from "node:fs";
import { run } from "./run.mjs";

/**
 * Installs those of the packages that are not installed; throws when that is not possible, saying
 * what is missing. A name may end in `:arm64`.
 * @param {readonly string[]} names
 */
export async function installDebian(names) {
  const missing = [];
  for (const name of names) if (!(await isInstalled(name))) missing.push(name);
  if (missing.length === 0) return;
  if (!isDebian())
    throw new Error(`this is not Debian; install what there is called ${missing.join(" ")}`);
  const foreign = new Set(missing.flatMap((name) => name.split(":")[1] ?? []));
  console.error(`installing ${missing.join(" ")} …`);
  for (const architecture of foreign) await asRoot("dpkg", "--add-architecture", architecture);
  await asRoot("apt-get", "update", "-qq");
  await asRoot("apt-get", "install", "-y", "-qq", "--no-install-recommends", ...missing);
}

/** @param {string} name */
async function isInstalled(name) {
  const { code, stdout } = await run("dpkg-query", ["--status", name], { quiet: true });
  return code === 0 && /^Status: \w+ ok installed$/m.test(stdout);
}

function isDebian() {
  try {
    return /^ID(_LIKE)?=.*debian/m.test(readFileSync("/etc/os-release", "utf8"));
  } catch {
    return false;
  }
}

/**
 * @param {string} program
 * @param {string[]} args
 */
async function asRoot(program, ...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const options = { quiet: true, env };
  const result =
    process.getuid?.() === 0
      ? await run(program, args, options)
      : await run("sudo", ["-n", "--preserve-env=DEBIAN_FRONTEND", program, ...args], options);
  if (result.code === 0) return;
  throw new Error(`${program} ${args.join(" ")} failed:\n${result.stdout}${result.stderr}`);
}
