// The version in all files that name it: written by one command, compared with the tag of a
// release.

/**
 * The texts of these files, by path.
 * @typedef {Record<
 *   "package.json" | "package-lock.json" | "Cargo.toml" | "Cargo.lock" | "CHANGELOG.md", string
 * >} VersionedFiles
 */

/** @type {ReadonlyArray<keyof VersionedFiles>} */
export const VERSIONED = [
  "package.json",
  "package-lock.json",
  "Cargo.toml",
  "Cargo.lock",
  "CHANGELOG.md",
];

const VERSION = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;
const UNRELEASED = "## Unreleased\n";
/** Packages of a Cargo.lock without a `source` are those of the workspace. */
const MEMBERS = /^\[\[package\]\]\nname = "([^"]+)"\nversion = "([^"]+)"\n(?!source = )/gm;
const WORKSPACE = /^(\[workspace\.package\]\nversion = ")([^"]+)"/m;

/**
 * The files with a new version; what was under "Unreleased" becomes its section in the changelog.
 * @param {VersionedFiles} files
 * @param {string} version
 * @param {string} date as 2026-01-31
 * @returns {VersionedFiles}
 */
export function withVersion(files, version, date) {
  if (!VERSION.test(version)) throw new Error(`${version} is no version such as 1.2.3`);
  const changelog = files["CHANGELOG.md"];
  if (sectionOf(changelog, version) !== undefined)
    throw new Error(`CHANGELOG.md has a section for ${version} already`);
  const [before, news, ...more] = changelog.split(UNRELEASED);
  if (news === undefined || more.length > 0)
    throw new Error(`CHANGELOG.md must have one line "${UNRELEASED.trim()}"`);
  if ((sectionOf(changelog, "Unreleased") ?? "") === "")
    throw new Error("CHANGELOG.md says nothing under Unreleased");
  const manifest = files["package.json"];
  const lock = JSON.parse(files["package-lock.json"]);
  lock.version = version;
  lock.packages[""].version = version;
  return {
    "package.json": manifest.replace(/^( {2}"version": ")[^"]+/m, `$1${version}`),
    "package-lock.json": `${JSON.stringify(lock, null, 2)}\n`,
    "Cargo.toml": files["Cargo.toml"].replace(WORKSPACE, `$1${version}"`),
    "Cargo.lock": files["Cargo.lock"].replace(MEMBERS, (entry, _, old) =>
      entry.replace(`version = "${old}"`, `version = "${version}"`),
    ),
    "CHANGELOG.md": `${before}${UNRELEASED}\n## ${version} (${date})\n${news}`,
  };
}

/**
 * What speaks against a release with this tag, a line each.
 * @param {VersionedFiles} files
 * @param {string} tag
 * @returns {string[]}
 */
export function versionFaults(files, tag) {
  const version = tag.replace(/^v/, "");
  if (!tag.startsWith("v") || !VERSION.test(version))
    return [`the tag ${tag} is no "v" with a version such as 1.2.3`];
  const lock = JSON.parse(files["package-lock.json"]);
  /** @type {ReadonlyArray<[place: string, found: string | undefined]>} */
  const found = [
    ["package.json", JSON.parse(files["package.json"]).version],
    ["package-lock.json", lock.version],
    ['package-lock.json, packages[""]', lock.packages[""].version],
    ["Cargo.toml", WORKSPACE.exec(files["Cargo.toml"])?.[2]],
    ...[...files["Cargo.lock"].matchAll(MEMBERS)].map(
      ([, name, other]) => /** @type {[string, string]} */ ([`Cargo.lock, ${name}`, other]),
    ),
  ];
  const faults = found.flatMap(([place, other]) =>
    other === version ? [] : [`${place} has version ${other}, the tag says ${version}`],
  );
  if ((sectionOf(files["CHANGELOG.md"], version) ?? "") === "")
    faults.push(`CHANGELOG.md says nothing about ${version}`);
  return faults;
}

/**
 * What the changelog says about a version, without its heading; undefined without a section of it.
 * @param {string} changelog
 * @param {string} version
 * @returns {string | undefined}
 */
export function sectionOf(changelog, version) {
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((text) => text.split(/\s/, 1)[0] === version);
  return section?.slice(section.indexOf("\n") + 1).trim();
}
