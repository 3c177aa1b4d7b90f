// What platform this is, which package holds the addon for it, and what is installed.

import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, isAbsolute, join, resolve } from "node:path";

/** Where netsvc looks at its surroundings; tests put others in place. */
export interface Surroundings {
  readonly platform: string;
  readonly arch: string;
  /** `process.report.getReport()`, or whatever there is of it. */
  report(): unknown;
  /** Of this package. */
  readonly version: string;
  /**
   * The folder of this package: with package.json and, in a checkout, native/. undefined: a bundler
   * has put this code into a file of the application.
   */
  readonly root: string | undefined;
  /** Node's permission model is in force, and hides files. */
  readonly restricted: boolean;
  /** The folder of a package that this one can see; undefined: it is not installed. */
  folderOf(packageName: string): string | undefined;
}

/** A C library, where it matters. */
export type Libc = "glibc" | "musl" | "unknown";

/** What decides which addon fits. */
export interface Platform {
  readonly platform: string;
  readonly arch: string;
  /** undefined: not on Linux. */
  readonly libc: Libc | undefined;
  /** Of glibc, as `2.36`. */
  readonly libcVersion: string | undefined;
}

/** An installed package of a platform. */
export interface FoundPackage {
  readonly name: string;
  /** undefined: its package.json cannot be read. */
  readonly version: string | undefined;
  readonly folder: string;
}

/** The platforms that have a package, by the end of its name. */
export const TARGETS: readonly string[] = [
  "linux-x64-gnu",
  "linux-x64-musl",
  "linux-arm64-gnu",
  "linux-arm64-musl",
  "linux-arm-gnueabihf",
  "darwin-x64",
  "darwin-arm64",
  "win32-x64-msvc",
  "win32-arm64-msvc",
];

/** Put in by what makes dist/; the sources as they are have none. */
declare const PUBLISHED_VERSION: string | undefined;

/** This process's own. */
export function surroundings(): Surroundings {
  const published = typeof PUBLISHED_VERSION === "string" ? PUBLISHED_VERSION : undefined;
  const root = ownFolder(published !== undefined);
  return {
    platform: process.platform,
    arch: process.arch,
    report,
    version: published ?? versionIn(root ?? "") ?? "unknown",
    root,
    restricted: isRestricted(),
    folderOf: (packageName) =>
      folderFrom(root === undefined ? aroundBundle() : [root], packageName),
  };
}

/** What platform this is. */
export function platformOf(where: Surroundings): Platform {
  const { platform, arch } = where;
  if (platform !== "linux") return { platform, arch, libc: undefined, libcVersion: undefined };
  const report = Object(where.report());
  const version: unknown = Object(report.header).glibcVersionRuntime;
  if (typeof version === "string" && version !== "") {
    return { platform, arch, libc: "glibc", libcVersion: version };
  }
  const objects: unknown = report.sharedObjects;
  const musl =
    Array.isArray(objects) && objects.some((path) => /libc\.musl-|ld-musl-/.test(String(path)));
  return { platform, arch, libc: musl ? "musl" : "unknown", libcVersion: undefined };
}

/** `linux-arm64-musl` and the like; undefined: there is no package for it. */
export function targetOf({ platform, arch, libc }: Platform): string | undefined {
  const target = {
    linux: `linux-${arch}-${arch === "arm" ? (libc === "musl" ? "musleabihf" : "gnueabihf") : libc === "musl" ? "musl" : "gnu"}`,
    darwin: `darwin-${arch}`,
    win32: `win32-${arch}-msvc`,
  }[platform];
  return target !== undefined && TARGETS.includes(target) ? target : undefined;
}

/** The name of a target's package. */
export function packageOf(target: string): string {
  return `netsvc-${target}`;
}

/** All packages of platforms that this package can see. */
export function findPackages(where: Surroundings): FoundPackage[] {
  return TARGETS.flatMap((target) => findPackage(packageOf(target), where) ?? []);
}

/** A package by its name; undefined: this one cannot see it. */
export function findPackage(name: string, where: Surroundings): FoundPackage | undefined {
  const folder = where.folderOf(name);
  return folder === undefined ? undefined : { name, folder, version: versionIn(folder) };
}

/** The addon built in a checkout of the repository; undefined: there is none. */
export function builtAddon(where: Surroundings): string | undefined {
  if (where.root === undefined) return undefined;
  const folder = join(where.root, "native");
  if (!existsSync(folder)) return undefined;
  const file = readdirSync(folder).find((name) => name.endsWith(".node"));
  return file === undefined ? undefined : join(folder, file);
}

function isRestricted(): boolean {
  const { permission } = process as { permission?: { has(scope: string): boolean } };
  return permission !== undefined && !permission.has("fs.read");
}

/** The folder of this package; undefined: this file is not where it was published. */
function ownFolder(published: boolean): string | undefined {
  const file = ownFile();
  if (file === undefined) return undefined;
  // This file is as deep in dist/ as it is in ts/.
  const folder = join(dirname(file), "../..");
  return !published || manifestIn(folder).name === "netsvc" ? folder : undefined;
}

/** undefined: a bundler has left nothing that says it. */
function ownFile(): string | undefined {
  try {
    const file = import.meta.filename;
    return isAbsolute(file) ? file : undefined;
  } catch {
    return undefined; // in CommonJS it is __filename, which ES modules do not have
  }
}

/**
 * Where the packages of platforms may be that belong to a bundle: where it sees them itself, or
 * where the netsvc that it sees does.
 */
function aroundBundle(): string[] {
  // A bundle of ES modules does not say where it is; the program that was started does.
  const files = [ownFile(), process.argv[1]].filter((file) => file !== undefined);
  return files.flatMap((file) => {
    const folder = dirname(existsSync(file) ? realpathSync(file) : resolve(file));
    const netsvc = folderFrom([folder], "netsvc");
    return netsvc === undefined ? [folder] : [folder, netsvc];
  });
}

/** The folder of a package that is seen from one of these. */
function folderFrom(folders: readonly string[], packageName: string): string | undefined {
  for (const folder of folders) {
    try {
      const { resolve } = createRequire(join(folder, "package.json"));
      return dirname(resolve(`${packageName}/package.json`));
    } catch {
      // Perhaps from the next.
    }
  }
  return undefined;
}

function versionIn(folder: string): string | undefined {
  const { version } = manifestIn(folder);
  return typeof version === "string" ? version : undefined;
}

/** Nothing if it cannot be read. */
export function manifestIn(folder: string): { name?: unknown; version?: unknown } {
  try {
    return Object(JSON.parse(readFileSync(join(folder, "package.json"), "utf8")));
  } catch {
    return {};
  }
}

/** Without the network part, which resolves the names of all peers. */
function report(): unknown {
  const report = process.report as
    | (typeof process.report & { excludeNetwork?: boolean })
    | undefined;
  if (typeof report?.getReport !== "function") return undefined;
  const before = report.excludeNetwork;
  report.excludeNetwork = true;
  try {
    return report.getReport();
  } catch {
    return undefined;
  } finally {
    report.excludeNetwork = before ?? false;
  }
}
