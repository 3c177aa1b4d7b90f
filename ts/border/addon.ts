// Which file is the addon, and loading it: the one built in a checkout of the repository, or that
// of the package of this platform in the same version. Nothing else, whatever the environment says.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import {
  findPackage,
  packageOf,
  platformOf,
  type Surroundings,
  TARGETS,
  targetOf,
} from "./installation.js";

/** The exports of the addon. */
export function loadAddon(where: Surroundings): unknown {
  const file = addonFile(where);
  return createRequire(file)(file);
}

/** The file to load. Throws an Error that says what is missing. */
export function addonFile(where: Surroundings): string {
  const there = targetsHere(where).flatMap((target) => {
    const file = builtFor(target, where) ?? packagedFor(target, where);
    return file === undefined ? [] : [{ target, file }];
  });
  const [first, ...more] = there;
  // Asking for the C library takes milliseconds: only where it decides.
  const expected = more.length === 0 ? first?.target : targetOf(platformOf(where));
  const found = there.find(({ target }) => target === expected);
  if (found !== undefined) return found.file();
  const target = targetOf(platformOf(where));
  if (target === undefined) throw new Error(`${where.platform} ${where.arch} has no package`);
  throw new Error(`Cannot find module '${packageOf(target)}'`);
}

/** Those that the system and the processor leave: on Linux one for each C library. */
function targetsHere({ platform, arch }: Surroundings): string[] {
  return TARGETS.filter(
    (target) => target.startsWith(`${platform}-${arch}-`) || target === `${platform}-${arch}`,
  );
}

function builtFor(target: string, where: Surroundings): (() => string) | undefined {
  if (where.root === undefined) return undefined;
  const file = join(where.root, "native", fileOf(target));
  return existsSync(file) ? () => file : undefined;
}

function packagedFor(target: string, where: Surroundings): (() => string) | undefined {
  const found = findPackage(packageOf(target), where);
  if (found === undefined) return undefined;
  return () => {
    if (found.version === where.version) return join(found.folder, fileOf(target));
    throw new Error(
      `${found.name} is of version ${found.version ?? "unknown"}, netsvc of ${where.version}`,
    );
  };
}

function fileOf(target: string): string {
  return `netsvc.${target}.node`;
}
