// Copies of this package in the project around a folder: an application and a library of it may
// each have their own.

import { readdirSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { manifestIn } from "../border/installation.js";

/** One copy of netsvc in a project. */
export interface Copy {
  readonly folder: string;
  /** undefined: its package.json names none. */
  readonly version: string | undefined;
}

/** More folders than any project has packages: a search ends. */
const MAX_FOLDERS = 100_000;

/** All copies in what `node_modules` of `folder` and of those above it hold, nearest first. */
export function findCopies(folder: string): Copy[] {
  const copies: Copy[] = [];
  const seen = new Set<string>();
  // Links lead to the same folders again, with pnpm and in workspaces even in circles.
  const enter = (path: string): string | undefined => {
    let real: string;
    try {
      real = realpathSync(path);
    } catch {
      return undefined; // it is not there, or leads nowhere
    }
    if (seen.has(real) || seen.size >= MAX_FOLDERS) return undefined;
    seen.add(real);
    return real;
  };
  // What is to be looked at; a list, as nesting may be deep.
  const modules = [...above(folder)].map((each) => join(each, "node_modules"));
  for (let next = modules.shift(); next !== undefined; next = modules.shift()) {
    const real = enter(next);
    if (real === undefined) continue;
    for (const path of packagesIn(real)) {
      const found = enter(path);
      if (found === undefined) continue;
      const { name, version } = manifestIn(found);
      if (name === "netsvc") {
        copies.push({ folder: found, version: typeof version === "string" ? version : undefined });
      }
      modules.push(join(found, "node_modules"));
    }
    // Where pnpm has the packages that the project does not name itself.
    const store = join(real, ".pnpm");
    for (const each of namesIn(store)) modules.push(join(store, each, "node_modules"));
  }
  return copies;
}

function* above(folder: string): Generator<string> {
  for (let at = folder; ; at = dirname(at)) {
    yield at;
    if (dirname(at) === at) return;
  }
}

/** The folders of packages in a `node_modules`; those of a scope are in a folder of it. */
function* packagesIn(modules: string): Generator<string> {
  for (const name of namesIn(modules)) {
    if (name.startsWith(".")) continue;
    const path = join(modules, name);
    if (!name.startsWith("@")) yield path;
    else for (const each of namesIn(path)) yield join(path, each);
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // none, no folder, or hidden
  }
}
