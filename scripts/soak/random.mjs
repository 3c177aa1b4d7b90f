/**
 * Numbers that look random and follow from a seed: mulberry32.
 *
 * @param {number} seed
 */
export function seeded(seed) {
  let state = seed >>> 0;
  /** From 0 up to, not including, 1. */
  function next() {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  return {
    next,
    /** @param {number} low @param {number} high */
    between: (low, high) => low + next() * (high - low),
    /** @param {number} below */
    integer: (below) => Math.floor(next() * below),
    /** @template T @param {readonly [T, ...T[]]} choices @returns {T} */
    pick: (choices) => choices[Math.floor(next() * choices.length)] ?? choices[0],
  };
}

/** @typedef {ReturnType<typeof seeded>} Random */
