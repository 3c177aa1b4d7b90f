// What every published package says about where it comes from, all of it from `repository` in
// package.json: the one place that the owner fills in.

/** Stands in package.json until the owner has filled in whose repository it is. */
export const PLACEHOLDER = "OWNER";

/**
 * @typedef {object} Manifest
 * @property {string} name
 * @property {string} version
 * @property {string} [description]
 * @property {string} [license]
 * @property {{ type?: string, url?: string }} [repository]
 * @property {string} [homepage]
 * @property {{ url?: string }} [bugs]
 */

/**
 * The fields that are added to a manifest when it is packed. The registry refuses the proof of
 * where a package was built when its `repository` is another one, or is missing.
 * @param {Manifest} manifest the one of the repository
 */
export function publicationOf(manifest) {
  const page = pageOf(manifest);
  return {
    repository: { type: "git", url: `git+${page}.git` },
    homepage: `${page}#readme`,
    bugs: { url: `${page}/issues` },
  };
}

/**
 * The repository as `owner/name`.
 * @param {Manifest} manifest
 */
export function repositoryName(manifest) {
  return new URL(pageOf(manifest)).pathname.slice(1);
}

/**
 * Whether a package in the registry is of this repository.
 * @param {{ url?: string } | undefined} repository of the package
 * @param {Manifest} own
 */
export function sameRepository(repository, own) {
  return repository?.url === publicationOf(own).repository.url;
}

/**
 * Whether the owner has yet to be filled in.
 * @param {Manifest} manifest
 */
export function isPlaceholder(manifest) {
  return repositoryName(manifest).split("/").includes(PLACEHOLDER);
}

/**
 * What a packed manifest lacks, a line each.
 * @param {Manifest} packed
 * @param {Manifest} own the one of the repository
 * @returns {string[]}
 */
export function publicationFaults(packed, own) {
  const wanted = { ...publicationOf(own), version: own.version, license: own.license };
  const faults = Object.entries(wanted).flatMap(([key, value]) => {
    const found = packed[/** @type {keyof Manifest} */ (key)];
    const same = JSON.stringify(found) === JSON.stringify(value);
    return same ? [] : [`${packed.name}: ${key} is ${JSON.stringify(found)}`];
  });
  if ((packed.description ?? "") === "") faults.push(`${packed.name}: it has no description`);
  return faults;
}

/** @param {Manifest} manifest */
function pageOf({ repository }) {
  const page = /^git\+(https:\/\/[^/]+\/[^/]+\/[^/]+)\.git$/.exec(repository?.url ?? "")?.[1];
  if (page === undefined)
    throw new Error("`repository.url` in package.json must be git+https://host/owner/name.git");
  return page;
}
