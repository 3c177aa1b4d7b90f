// Publishing that may be done again: after a failure half-way it goes on where it was.

/** @typedef {import("./packed.mjs").Packed} Packed */

/**
 * What is asked of a registry.
 * @typedef {object} Registry
 * @property {(packed: Packed) => Promise<string | undefined>} published the integrity of what it
 *   has by this name and version, undefined if it has none; throws when it cannot say
 * @property {(packed: Packed) => Promise<void>} publish
 */

/**
 * Publishes in the given order, one after the other, and skips what is there already. Everything is
 * looked at before anything is published: a version of other content stops it all, for it can never
 * be replaced.
 * @param {readonly Packed[]} packages
 * @param {Registry} registry
 * @param {(line: string) => void} say
 */
export async function publishAll(packages, registry, say) {
  const there = new Set();
  /** @type {string[]} */
  const others = [];
  for (const packed of packages) {
    const integrity = await registry.published(packed);
    if (integrity === packed.integrity) there.add(packed);
    else if (integrity !== undefined) others.push(nameOf(packed));
  }
  if (others.length > 0)
    throw new Error(
      `the registry has ${others.join(", ")} with another content than was packed here: ` +
        "a version cannot be published twice; release a new one",
    );
  for (const packed of packages) {
    if (there.has(packed)) {
      say(`${nameOf(packed)} is published already`);
      continue;
    }
    await registry.publish(packed);
    say(`${nameOf(packed)} published`);
  }
}

/** @param {Packed} packed */
function nameOf({ name, version }) {
  return `${name}@${version}`;
}
