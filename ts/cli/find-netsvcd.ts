// Where netsvcd is, and whether it runs here.

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  builtAddon,
  packageOf,
  platformOf,
  type Surroundings,
  targetOf,
} from "../border/installation.js";

/** The longest that it takes to print its version, in milliseconds. */
const LONGEST = 5000;

/** netsvcd, or why there is none that runs here. */
export type Found = { readonly path: string; readonly version: string } | Missing;

interface Missing {
  /** Whole words for a log: what is wrong, and with which file. */
  readonly missing: string;
}

/**
 * The hub without Node beside the addon, of the same version. It was started once: what is of
 * another processor, lacks its loader or may not be executed would end a process that puts it in
 * its own place.
 */
export function findNetsvcd(where: Surroundings): Found {
  const built = builtAddon(where);
  const target = targetOf(platformOf(where));
  if (built === undefined && target === undefined) {
    return { missing: "there is no package for this platform" };
  }
  const name = target === undefined ? "" : packageOf(target);
  const folder = built === undefined ? where.folderOf(name) : dirname(built);
  if (folder === undefined) return { missing: `${name} is not installed` };
  const path = join(folder, where.platform === "win32" ? "netsvcd.exe" : "netsvcd");
  if (!existsSync(path)) return { missing: `${path} does not exist` };
  return start(path, where.version);
}

function start(path: string, wanted: string): Found {
  let text: string;
  try {
    text = execFileSync(path, ["--version"], {
      encoding: "utf8",
      timeout: LONGEST,
      killSignal: "SIGKILL",
      stdio: ["ignore", "pipe", "ignore"],
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EACCES") return { missing: `${path} may not be executed` };
    return { missing: `${path} does not run here: ${(error as Error).message}` };
  }
  const version = /^netsvcd (\S+)\n$/.exec(text)?.[1];
  if (version === undefined) return { missing: `${path} does not run here: it is not netsvcd` };
  if (version !== wanted) return { missing: `${path} is of version ${version}, not ${wanted}` };
  return { path, version };
}
