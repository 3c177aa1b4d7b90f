// Which addon fits where, and what is installed.

import { describe, expect, it } from "vitest";
import {
  findPackages,
  type Platform,
  platformOf,
  TARGETS,
  targetOf,
} from "../../ts/border/installation.js";
import { fakeSurroundings } from "./fake-surroundings.js";

const GLIBC = { header: { glibcVersionRuntime: "2.31" }, sharedObjects: ["/lib/libc.so.6"] };
const MUSL = {
  header: {},
  sharedObjects: ["/usr/lib/libstdc++.so.6", "/lib/ld-musl-aarch64.so.1"],
};

function target(platform: string, arch: string, libc?: Platform["libc"]): string | undefined {
  return targetOf({ platform, arch, libc, libcVersion: undefined });
}

describe("the platform", () => {
  it("has the C library that the running Node reports", () => {
    const linux = { platform: "linux", arch: "arm64" };
    expect(platformOf(fakeSurroundings({ ...linux, report: GLIBC }))).toEqual({
      ...linux,
      libc: "glibc",
      libcVersion: "2.31",
    });
    expect(platformOf(fakeSurroundings({ ...linux, report: MUSL })).libc).toBe("musl");
  });

  it.each([undefined, null, {}, { header: null, sharedObjects: "none" }, { sharedObjects: [1] }])(
    "has an unknown C library when the report is %j",
    (report) => {
      const platform = platformOf(fakeSurroundings({ platform: "linux", arch: "x64", report }));
      expect(platform).toMatchObject({ libc: "unknown", libcVersion: undefined });
    },
  );

  it("has no C library to choose by on other systems", () => {
    const platform = platformOf(fakeSurroundings({ platform: "darwin", report: GLIBC }));
    expect(platform.libc).toBeUndefined();
  });
});

describe("the package expected", () => {
  it("is that of system, processor and C library", () => {
    const all = [
      target("linux", "x64", "glibc"),
      target("linux", "x64", "musl"),
      target("linux", "arm64", "glibc"),
      target("linux", "arm64", "musl"),
      target("linux", "arm", "glibc"),
      target("darwin", "x64"),
      target("darwin", "arm64"),
      target("win32", "x64"),
      target("win32", "arm64"),
    ];
    expect(all).toEqual(TARGETS);
    expect(target("linux", "x64", "unknown")).toBe("linux-x64-gnu");
  });

  it("is none where there is none", () => {
    expect(target("linux", "arm", "musl")).toBeUndefined();
    expect(target("linux", "riscv64", "glibc")).toBeUndefined();
    expect(target("freebsd", "x64")).toBeUndefined();
    expect(target("win32", "ia32")).toBeUndefined();
    expect(target("constructor", "x64")).toBeUndefined();
  });
});

it("packages are found with their versions, damaged ones without", () => {
  const where = fakeSurroundings({
    packages: { "netsvc-linux-x64-musl": "0.0.9", "netsvc-darwin-x64": undefined },
  });
  const found = findPackages(where).map(({ name, version }) => [name, version]);
  expect(found).toEqual([
    ["netsvc-linux-x64-musl", "0.0.9"],
    ["netsvc-darwin-x64", undefined],
  ]);
});
