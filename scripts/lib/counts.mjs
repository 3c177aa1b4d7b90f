/**
 * How many tests passed and failed.
 * @typedef {{ passed: number, failed: number }} Counts
 */

/**
 * Adds up the "test result:" lines of `cargo test`. A run that failed without a failed test (it did
 * not compile, or a test took the whole program down) counts as one failure; so does a run whose
 * output says nothing.
 * @param {string} output what it wrote to stdout
 * @param {number} code its exit code
 * @returns {Counts}
 */
export function cargoCounts(output, code) {
  const results = [...output.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed;/gm)];
  const counts = { passed: 0, failed: 0 };
  for (const [, passed, failed] of results) {
    counts.passed += Number(passed);
    counts.failed += Number(failed);
  }
  return accountFor(counts, code);
}

/**
 * Reads the report of Vitest's `json` reporter; same rules as for `cargoCounts`.
 * @param {string | undefined} report its text, if there is one
 * @param {number} code Vitest's exit code
 * @returns {Counts}
 */
export function vitestCounts(report, code) {
  const counts = { passed: 0, failed: 0 };
  try {
    const { numPassedTests, numFailedTests } = JSON.parse(report ?? "");
    if (Number.isInteger(numPassedTests) && Number.isInteger(numFailedTests)) {
      counts.passed = numPassedTests;
      counts.failed = numFailedTests;
    }
  } catch {
    // No report, no tests: the failure is counted below.
  }
  return accountFor(counts, code);
}

/**
 * @param {Counts} counts
 * @param {number} code
 */
function accountFor(counts, code) {
  const unexplained = counts.failed === 0 && (code !== 0 || counts.passed === 0);
  return unexplained ? { ...counts, failed: 1 } : counts;
}
