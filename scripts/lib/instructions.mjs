// Instruction counts: what callgrind has written, and how figures are compared.

/**
 * What a message costs in one step.
 * @typedef {{ instructions: number, allocations: number }} Cost
 */

/** @typedef {Readonly<Record<string, Cost>>} Figures by step */

/**
 * Figures as they are committed, and what they depend on.
 * @typedef {{ rust: string, target: string, date: string, figures: Figures }} Committed
 */

/**
 * How much more is let pass, as a share: by the same Rust counts are the same to an instruction,
 * and a change may cost that much for a reason; another Rust optimises otherwise.
 */
export const TOLERANCE = { sameRust: 0.02, otherRust: 0.1 };

/** Functions of the C library by which Rust gets memory. */
const ALLOCATORS = ["malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc"];

/**
 * Reads a profile that callgrind has written with addresses and names in full. Throws when nothing
 * was collected. (Its numbers of calls are of no use: they are of the whole run.)
 * @param {string} profile
 * @returns {Cost} of everything collected, in libraries too
 */
export function readProfile(profile) {
  const sum = /^totals: (\d+)$/m.exec(profile)?.[1];
  if (sum === undefined || sum === "0") throw new Error("callgrind has counted nothing");
  /** How often the first instruction of each allocator ran. @type {Map<string, Entry>} */
  const entries = new Map();
  let name = "";
  let isCall = false;
  for (const line of profile.split("\n")) {
    if (line.startsWith("fn=")) name = line.slice(3);
    const [, hex, cost] = /^(0x[0-9a-f]+) \d+ (\d+)$/.exec(line) ?? [];
    // After "calls=" stands what the call cost.
    if (hex !== undefined && !isCall && ALLOCATORS.includes(name)) {
      const address = Number(hex);
      if (address < (entries.get(name)?.address ?? Number.POSITIVE_INFINITY)) {
        entries.set(name, { address, times: Number(cost) });
      }
    }
    isCall = line.startsWith("calls=");
  }
  const allocations = [...entries.values()].reduce((all, { times }) => all + times, 0);
  return { instructions: Number(sum), allocations };
}

/** @typedef {{ address: number, times: number }} Entry */

/**
 * Compares figures with committed ones. Allocations may not grow at all.
 * @param {Figures} committed
 * @param {Figures} measured
 * @param {number} tolerance share of instructions that may be more
 */
export function compare(committed, measured, tolerance) {
  /** @type {string[][]} */
  const rows = [["step", "instructions", "committed", "", "allocations", "committed"]];
  /** What must not be. @type {string[]} */
  const faults = [];
  /** Steps whose committed figure is too high, by more than the tolerance. @type {string[]} */
  const lower = [];
  for (const [step, now] of Object.entries(measured)) {
    const before = committed[step];
    if (before === undefined) {
      faults.push(`${step} has no committed figure`);
      rows.push([step, now.instructions.toFixed(0), "-", "", now.allocations.toFixed(2), "-"]);
      continue;
    }
    const change = now.instructions / before.instructions - 1;
    rows.push([
      ...[step, now.instructions.toFixed(0), before.instructions.toFixed(0), percent(change)],
      ...[now.allocations.toFixed(2), before.allocations.toFixed(2)],
    ]);
    if (now.instructions > before.instructions * (1 + tolerance))
      faults.push(`${step} takes ${percent(change)} instructions`);
    if (now.allocations > before.allocations) {
      const [times, until] = [now, before].map(({ allocations }) => allocations.toFixed(2));
      faults.push(`${step} allocates ${times} times for a message, not ${until}`);
    }
    const isLower = now.instructions < before.instructions * (1 - tolerance);
    if (isLower || now.allocations < before.allocations) lower.push(step);
  }
  for (const step of Object.keys(committed)) {
    if (measured[step] === undefined) faults.push(`${step} is committed and was not counted`);
  }
  return { rows, faults, lower };
}

/** @param {number} share */
function percent(share) {
  return `${share < 0 ? "" : "+"}${(share * 100).toFixed(1)} %`;
}
