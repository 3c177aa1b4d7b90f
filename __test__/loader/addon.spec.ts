// Which file is loaded.

import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { addonFile } from "../../ts/border/addon.js";
import { type Fake, fakeSurroundings } from "./fake-surroundings.js";

const GLIBC = { header: { glibcVersionRuntime: "2.36" } };
const MUSL = { sharedObjects: ["/lib/ld-musl-x86_64.so.1"] };
const GNU_PACKAGE = "netsvc-linux-x64-gnu";
const MUSL_PACKAGE = "netsvc-linux-x64-musl";

/** The file, from the folder with all packages on; or the message of the error. */
function found(fake: Fake): string {
  const where = fakeSurroundings(fake);
  try {
    return addonFile(where).replace(`${join(where.root ?? "", "..")}/`, "");
  } catch (error) {
    return (error as Error).message;
  }
}

describe.skipIf(process.platform === "win32")("the addon", () => {
  it("is that of the platform's package in the version of netsvc", () => {
    expect(found({ packages: { [GNU_PACKAGE]: "1.2.3" } })).toBe(
      `${GNU_PACKAGE}/netsvc.linux-x64-gnu.node`,
    );
    const mac = { platform: "darwin", arch: "arm64" };
    expect(found({ ...mac, packages: { "netsvc-darwin-arm64": "1.2.3" } })).toBe(
      "netsvc-darwin-arm64/netsvc.darwin-arm64.node",
    );
  });

  it("is none of another version, and none of a damaged package", () => {
    for (const version of ["1.2.4", "1.2.3-beta.1", "0.0.9"]) {
      const text = `${GNU_PACKAGE} is of version ${version}, netsvc of 1.2.3`;
      expect(found({ packages: { [GNU_PACKAGE]: version } })).toBe(text);
    }
    expect(found({ packages: { [GNU_PACKAGE]: undefined } })).toContain("of version unknown");
  });

  it("is that of the C library where there are both", () => {
    const packages = { [GNU_PACKAGE]: "1.2.3", [MUSL_PACKAGE]: "1.2.3" };
    expect(found({ packages, report: GLIBC })).toContain("linux-x64-gnu");
    expect(found({ packages, report: MUSL })).toContain("linux-x64-musl");
    expect(found({ packages: { [MUSL_PACKAGE]: "1.2.3" }, report: undefined })).toContain("musl");
  });

  it("is the one that was built in a checkout, before an installed one", () => {
    const built = "netsvc/native/netsvc.linux-x64-gnu.node";
    expect(found({ built: true })).toBe(built);
    expect(found({ built: true, packages: { [GNU_PACKAGE]: "0.0.1" } })).toBe(built);
  });

  it("is missing by the name of the package that should be there", () => {
    const arm = "netsvc-linux-arm64-gnu";
    expect(found({ report: MUSL })).toBe(`Cannot find module '${MUSL_PACKAGE}'`);
    expect(found({ packages: { [arm]: "1.2.3" } })).toBe(`Cannot find module '${GNU_PACKAGE}'`);
    expect(found({ platform: "freebsd" })).toBe("freebsd x64 has no package");
    expect(found({ platform: "win32", arch: "arm64" })).toContain("netsvc-win32-arm64-msvc");
    expect(found({ arch: "arm", report: MUSL })).toBe("linux arm has no package");
  });
});
