/**
 * Sees services come and go.
 * @param {import("../types.js").Peer} peer
 * @param {{ place: import("../types.js").Place, count: number }} options
 */
export async function start(peer, { place, count }) {
  await peer.load?.();
  let seen = 0;
  /** @type {Array<{ wanted: number, resolve: (at: number) => void }>} */
  const waiting = [];
  let changed = now();
  const started = now();

  await peer.watcher?.(place, count, (visible) => {
    seen = visible;
    // Nobody asks for anything in between, and the clock is not what is measured.
    if (seen !== count && seen !== 0) return;
    changed = now();
    for (const { wanted, resolve } of waiting) if (wanted === seen) resolve(changed);
  });

  return {
    started: () => started,
    /** When that many (all or none) were visible, in nanoseconds of the common clock. */
    until: ({ count: wanted = 0 }) =>
      seen === wanted ? changed : new Promise((resolve) => waiting.push({ wanted, resolve })),
  };
}

const now = () => Number(process.hrtime.bigint());
