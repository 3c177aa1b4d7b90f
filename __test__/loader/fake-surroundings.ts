import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Surroundings } from "../../ts/border/installation.js";

/** A machine that is not this one; netsvc itself is of version 1.2.3 there. */
export interface Fake {
  platform?: string;
  arch?: string;
  report?: unknown;
  /** Versions of the packages of platforms by their names; undefined: damaged. */
  packages?: Record<string, string | undefined>;
  /** An addon was built in the checkout. */
  built?: boolean;
  /** netsvc is part of a bundle. */
  bundled?: boolean;
  /** Node hides files. */
  restricted?: boolean;
}

/** Made of files of its own, removed after the test. */
export function fakeSurroundings(fake: Fake): Surroundings {
  const folder = mkdtempSync(join(tmpdir(), "netsvc-fake-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  if (fake.built) write(join(folder, "netsvc/native"), "netsvc.linux-x64-gnu.node", "");
  const packages = fake.packages ?? {};
  for (const [name, version] of Object.entries(packages)) {
    const manifest = version === undefined ? "{" : JSON.stringify({ name, version });
    write(join(folder, name), "package.json", manifest);
  }
  return {
    platform: fake.platform ?? "linux",
    arch: fake.arch ?? "x64",
    report: () => fake.report,
    version: "1.2.3",
    root: fake.bundled ? undefined : join(folder, "netsvc"),
    restricted: fake.restricted ?? false,
    folderOf: (name) => (name in packages ? join(folder, name) : undefined),
  };
}

function write(folder: string, name: string, text: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), text);
}
