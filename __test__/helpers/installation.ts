// netsvc as a user has it in node_modules, with the packages of platforms that a test wants.

import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach } from "vitest";
import { packageOf, platformOf, surroundings, targetOf } from "../../ts/border/installation.js";

/** The package under test: this repository, or where it is installed if dist/ leads there. */
const root = dirname(realpathSync(fileURLToPath(new URL("../../dist", import.meta.url))));

/** Of the machine that runs the tests. */
export const TARGET: string = targetOf(platformOf(surroundings())) ?? "";
export const PACKAGE: string = packageOf(TARGET);
export const VERSION: string = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version;

/** A folder whose node_modules hold netsvc. */
export class Installation {
  readonly folder: string = mkdtempSync(join(tmpdir(), "netsvc-installed-"));
  readonly netsvc: string = join(this.folder, "node_modules/netsvc");

  constructor() {
    mkdirSync(this.netsvc, { recursive: true });
    for (const part of ["package.json", "dist"]) {
      cpSync(join(root, part), join(this.netsvc, part), { recursive: true });
    }
  }

  get program(): string {
    return join(this.netsvc, "dist/cli/netsvc.js");
  }

  /** Adds the package of a platform; files by name, each with its text. */
  add(name: string, version: string, files: Record<string, string> = {}): this {
    const folder = join(this.folder, "node_modules", name);
    mkdirSync(folder, { recursive: true });
    const main = `netsvc.${name.replace("netsvc-", "")}.node`;
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name, version, main }));
    for (const [file, text] of Object.entries(files)) {
      writeFileSync(join(folder, file), text);
      chmodSync(join(folder, file), 0o755);
    }
    return this;
  }

  /** Puts the addon under test into the package of this platform. */
  addAddon(): this {
    const folder = join(this.folder, "node_modules", PACKAGE);
    cpSync(addonFile(), join(folder, `netsvc.${TARGET}.node`));
    return this;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The addon under test: built in the repository, or installed beside the package. */
function addonFile(): string {
  const built = join(root, "native");
  const found = existsSync(built) && readdirSync(built).find((name) => name.endsWith(".node"));
  if (found) return join(built, found);
  const manifest = createRequire(join(root, "package.json")).resolve(`${PACKAGE}/package.json`);
  const file = join(dirname(manifest), `netsvc.${TARGET}.node`);
  if (existsSync(file)) return file;
  throw new Error(`there is no addon in ${built} nor ${file}`);
}

/** Makes installations, and removes them after each test. */
export function useInstallations(): { make(): Installation } {
  const made: Installation[] = [];
  afterEach(() => {
    for (const installation of made.splice(0)) installation.remove();
  });
  return {
    make() {
      const installation = new Installation();
      made.push(installation);
      return installation;
    },
  };
}
