/**
 * The smallest value that at least a share `share` of the values do not exceed.
 * @param {ArrayLike<number>} sorted ascending, not empty
 * @param {number} share above 0, up to 1
 */
export function percentile(sorted, share) {
  const index = Math.ceil(sorted.length * share) - 1;
  return /** @type {number} */ (sorted[Math.max(0, Math.min(sorted.length - 1, index))]);
}

/**
 * Median, smallest and largest of some repetitions; `undefined` of none.
 * @param {readonly number[]} values
 */
export function summary(values) {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = /** @type {number} */ (sorted[middle]);
  const lower = sorted.length % 2 === 1 ? upper : /** @type {number} */ (sorted[middle - 1]);
  return {
    median: (lower + upper) / 2,
    min: /** @type {number} */ (sorted[0]),
    max: /** @type {number} */ (sorted[sorted.length - 1]),
  };
}
