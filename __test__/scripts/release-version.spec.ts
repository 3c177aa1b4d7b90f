import { expect, test } from "vitest";
import {
  sectionOf,
  VERSIONED,
  type VersionedFiles,
  versionFaults,
  withVersion,
} from "../../scripts/lib/release-version.mjs";

const CHANGELOG = `# Changelog

## Unreleased

### Added

- Something.

## 0.8.0 (2025-01-31)

- The first.
`;

const MANIFEST = { name: "p", version: "0.8.0", dependencies: { other: "0.8.0" } };

/** In short what the repository has, with things of the same version that are not its own. */
function own(): VersionedFiles {
  return {
    "package.json": `${JSON.stringify(MANIFEST, null, 2)}\n`,
    "package-lock.json": `${JSON.stringify(
      { ...MANIFEST, packages: { "": MANIFEST, "node_modules/other": { version: "0.8.0" } } },
      null,
      2,
    )}\n`,
    "Cargo.toml": `[workspace.package]\nversion = "0.8.0"\n\n[workspace.dependencies]
other = { version = "0.8.0" }\n`,
    "Cargo.lock": `version = 4\n
[[package]]\nname = "netsvc-core"\nversion = "0.8.0"\n
[[package]]\nname = "netsvc-hub"\nversion = "0.8.0"\ndependencies = [\n "other",\n]\n
[[package]]\nname = "other"\nversion = "0.8.0"\nsource = "registry+here"\n`,
    "CHANGELOG.md": CHANGELOG,
  };
}

test("a version is written into every file that names it, and nothing else is changed", () => {
  const before = own();
  const after = withVersion(before, "987.6.5", "2026-02-28");
  expect(versionFaults(after, "v987.6.5")).toEqual([]);
  for (const path of VERSIONED) {
    const old = before[path].split("\n");
    const changed = after[path].split("\n").filter((line) => !old.includes(line));
    for (const line of changed) expect(line).toMatch(/987\.6\.5/);
    expect(changed).not.toEqual([]);
    const others = (text: string) => text.match(/other(?:.|\n)*?0\.8\.0/g);
    if (path !== "CHANGELOG.md") expect(others(after[path])).toEqual(others(before[path]));
  }
  expect(after["CHANGELOG.md"]).toContain(
    "## Unreleased\n\n## 987.6.5 (2026-02-28)\n\n### Added\n\n- Something.\n\n## 0.8.0",
  );
});

test("a tag that disagrees with any one of the files is refused, with its name", () => {
  const before = own();
  const after = withVersion(before, "987.6.5", "2026-02-28");
  for (const path of VERSIONED) {
    const faults = versionFaults({ ...after, [path]: before[path] }, "v987.6.5");
    expect(faults.length).toBeGreaterThan(0);
    for (const fault of faults) expect(fault).toContain(path);
  }
  const lock = after["Cargo.lock"].replace(
    /(name = "netsvc-hub"\nversion = ")987\.6\.5/,
    "$10.8.0",
  );
  expect(versionFaults({ ...after, "Cargo.lock": lock }, "v987.6.5")).toEqual([
    "Cargo.lock, netsvc-hub has version 0.8.0, the tag says 987.6.5",
  ]);
  expect(versionFaults(after, "987.6.5")).toEqual([
    'the tag 987.6.5 is no "v" with a version such as 1.2.3',
  ]);
});

test("versions that are none, are there already or have no news are refused", () => {
  const files = own();
  expect(() => withVersion(files, "v1.0.0", "2026-02-28")).toThrow("no version");
  expect(() => withVersion(files, "0.8.0", "2026-02-28")).toThrow("already");
  const silent = CHANGELOG.replace(/### Added\n\n- Something\.\n\n/, "");
  expect(() => withVersion({ ...files, "CHANGELOG.md": silent }, "987.6.5", "2026-02-28")).toThrow(
    "nothing under Unreleased",
  );
});

test("the section of a version ends where the next begins", () => {
  expect(sectionOf(CHANGELOG, "0.8.0")).toBe("- The first.");
  expect(sectionOf(CHANGELOG, "Unreleased")).toBe("### Added\n\n- Something.");
  expect(sectionOf(CHANGELOG, "0.8")).toBeUndefined();
});
