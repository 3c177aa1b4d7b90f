/**
 * Three significant digits, without an exponent.
 * @param {number} value
 */
export function formatNumber(value) {
  const size = Math.abs(value);
  if (size >= 99.95) return value.toFixed(0);
  if (size >= 9.995) return value.toFixed(1);
  return value.toFixed(2);
}

/**
 * The same with k and M.
 * @param {number} value
 */
export function formatCount(value) {
  if (value >= 999_500) return `${formatNumber(value / 1e6)} M`;
  if (value >= 9995) return `${formatNumber(value / 1e3)} k`;
  return formatNumber(value);
}

/**
 * Lines of a table for a terminal: the first column to the left, numbers to the right.
 * @param {readonly string[]} head
 * @param {ReadonlyArray<readonly string[]>} rows
 */
export function formatTable(head, rows) {
  const widths = head.map((_, column) =>
    Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)),
  );
  return [head, ...rows].map((row) =>
    widths
      .map((width, column) => {
        const cell = row[column] ?? "";
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join("  ")
      .trimEnd(),
  );
}
