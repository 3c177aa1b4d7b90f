// What to tell somebody whose netsvc has no native addon that loads.

import { AddonError } from "../errors.js";
import { isError } from "../internal/thrown.js";
import {
  builtAddon,
  type FoundPackage,
  findPackages,
  type Platform,
  packageOf,
  platformOf,
  type Surroundings,
  TARGETS,
  targetOf,
} from "./installation.js";

/** Deeper chains of causes are cut: nobody reads on. */
const MAX_CAUSES = 16;

/** The error to throw when loading the addon ended in `cause`. */
export function loadFailure(cause: unknown, where: Surroundings): AddonError {
  const platform = platformOf(where);
  const target = targetOf(platform);
  const { version } = where;
  const found = findPackages(where);
  const reasons = reasonsOf(cause);
  const built = builtAddon(where);
  const lines = [
    "the native addon of netsvc could not be loaded",
    `  platform: ${describePlatform(platform)}`,
    `  package expected: ${target === undefined ? "none: there is no package for this platform" : `${packageOf(target)} ${version}`}`,
    `  packages found: ${found.length === 0 ? "none" : found.map(describePackage).join(", ")}`,
    ...(built === undefined ? [] : [`  built here: ${built}`]),
    ...reasons.map((reason) => `  because: ${reason}`),
    `What to do: ${adviceFor({ where, target, found, built, reasons })}`,
  ];
  return new AddonError(lines.join("\n"), { cause });
}

/** `linux arm64, glibc 2.36`. */
export function describePlatform({ platform, arch, libc, libcVersion }: Platform): string {
  if (libc === undefined) return `${platform} ${arch}`;
  if (libc === "unknown") return `${platform} ${arch}, C library unknown`;
  return `${platform} ${arch}, ${libc}${libcVersion === undefined ? "" : ` ${libcVersion}`}`;
}

/** Its name and version, or that it is damaged. */
export function describePackage({ name, version }: FoundPackage): string {
  return `${name} ${version ?? "(damaged: no version)"}`;
}

/** The first lines of all messages in a chain of causes, each once. */
export function reasonsOf(cause: unknown): string[] {
  const reasons = new Set<string>();
  const seen = new Set<unknown>();
  let at = cause;
  while (isError(at) && !seen.has(at) && seen.size < MAX_CAUSES) {
    seen.add(at);
    reasons.add(at.message.split("\n", 1)[0] ?? "");
    at = at.cause;
  }
  if (!isError(cause)) reasons.add(String(cause));
  return [...reasons];
}

interface Case {
  readonly where: Surroundings;
  readonly target: string | undefined;
  readonly found: readonly FoundPackage[];
  readonly built: string | undefined;
  readonly reasons: readonly string[];
}

function adviceFor({ where, target, found, built, reasons }: Case): string {
  const { version } = where;
  if (target === undefined) {
    return `use one of the platforms that netsvc is built for: ${TARGETS.join(", ")}; or build it from its repository.`;
  }
  const expected = found.find(({ name }) => name === packageOf(target));
  if (expected?.version !== version && built === undefined) {
    if (where.restricted) return FOR_RESTRICTED;
    if (where.root === undefined) return forBundle(packageOf(target));
  }
  if (expected === undefined && built === undefined) {
    const install = `npm install ${packageOf(target)}@${version}`;
    if (found.length > 0) {
      return (
        "node_modules was made on or for another platform, and perhaps copied here: remove it and " +
        `run npm install here, or run ${install}.`
      );
    }
    return (
      "the package is an optional dependency of netsvc and was left out. If optional packages are " +
      "switched off (--omit=optional, --no-optional), install with them. Otherwise npm's bug with " +
      "lock files that were written on another platform is likely " +
      "(https://github.com/npm/cli/issues/4828): remove node_modules and package-lock.json, and run " +
      `npm install again. Or run ${install}.`
    );
  }
  if (expected !== undefined && expected.version !== version && built === undefined) {
    return `its version does not fit netsvc ${version}: remove node_modules and run npm install again.`;
  }
  const known = KNOWN.find(([pattern]) => reasons.some((reason) => pattern.test(reason)));
  return (
    known?.[1] ??
    "remove node_modules and run npm install again; the reasons above say what failed."
  );
}

const FOR_RESTRICTED =
  "Node runs under its permission model and may not read all of node_modules: start it with " +
  "--allow-fs-read for that folder and everything below it, and with --allow-addons.";

/** The addon stays in its package, whatever a bundler does with the rest. */
function forBundle(packageName: string): string {
  return [
    'bundled: mark "netsvc" as external, and have it in node_modules where the bundle runs.',
    "  esbuild:   --external:netsvc",
    '  rolldown:  external: ["netsvc"] (Rollup, tsdown and tsup alike)',
    '  webpack:   externals: { netsvc: "node-commonjs netsvc" } (Rspack alike)',
    '  Vite:      ssr: { external: ["netsvc"] }',
    `Where it must stay in the bundle, ${packageName} in node_modules beside or above the file does.`,
  ].join("\n");
}

/** Reasons that loaders of operating systems give, and what helps. */
const KNOWN: ReadonlyArray<readonly [pattern: RegExp, advice: string]> = [
  [
    /addons is disabled/,
    "Node was told to load no addons: start it with --allow-addons beside --permission, and without " +
      "--no-addons.",
  ],
  [
    /version [`']?GLIBC(XX)?_/,
    "the C library of this system is older than the addon needs (glibc 2.17): use a newer system.",
  ],
  [
    /failed to map segment|Operation not permitted/,
    "the file system of node_modules seems to be mounted noexec: install somewhere else.",
  ],
  [
    /invalid ELF header|wrong ELF class|file too short|Error relocating|ld-linux|ld-musl|not a valid Win32|incompatible architecture|symbol not found/,
    "the addon is damaged or for another platform: remove node_modules and run npm install here.",
  ],
];
