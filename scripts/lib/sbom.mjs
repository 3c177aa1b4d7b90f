// The crates that are compiled into the addon and into netsvcd, as a CycloneDX document. The npm
// packages depend on nothing but each other.

/**
 * @typedef {object} Package as `cargo metadata` describes it
 * @property {string} id
 * @property {string} name
 * @property {string} version
 * @property {string | null} license
 * @property {string | null} source
 */

/**
 * @typedef {object} Node
 * @property {string} id
 * @property {{ pkg: string, dep_kinds: { kind: string | null }[] }[]} deps
 */

/** @typedef {{ packages: Package[], resolve: { nodes: Node[] } }} Metadata */

/**
 * @param {Metadata} metadata
 * @param {{ name: string, version: string, license: string }} manifest
 * @param {readonly string[]} crates what is published is built from these
 */
export function sbomOf(metadata, manifest, crates) {
  const nodes = new Map(metadata.resolve.nodes.map((node) => [node.id, node]));
  const begin = metadata.packages.filter(({ name }) => crates.includes(name));
  const found = new Set(begin.map(({ id }) => id));
  for (const id of found) for (const next of linked(nodes.get(id))) found.add(next);
  const components = metadata.packages
    .filter(({ id, source }) => found.has(id) && source !== null)
    .sort((a, b) => compare(a.name, b.name) || compare(a.version, b.version))
    .map(({ name, version, license }) => ({
      type: "library",
      "bom-ref": reference(name, version),
      ...{ name, version, purl: reference(name, version) },
      licenses: license === null ? [] : [{ expression: license.replaceAll("/", " OR ") }],
    }));
  const purl = `pkg:npm/${manifest.name}@${manifest.version}`;
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      component: {
        ...{ type: "library", "bom-ref": purl, purl },
        ...{ name: manifest.name, version: manifest.version },
        licenses: [{ expression: manifest.license }],
      },
    },
    components,
  };
}

/**
 * Of its dependencies those that end up in the program: not what builds or tests it.
 * @param {Node | undefined} node
 */
function linked(node) {
  const kept = node?.deps.filter(({ dep_kinds }) => dep_kinds.some(({ kind }) => kind === null));
  return (kept ?? []).map(({ pkg }) => pkg);
}

/**
 * @param {string} name
 * @param {string} version
 */
function reference(name, version) {
  return `pkg:cargo/${name}@${version}`;
}

/**
 * @param {string} a
 * @param {string} b
 */
function compare(a, b) {
  return a < b ? -1 : Number(a > b);
}
