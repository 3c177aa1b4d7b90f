// Whether what clients have seen is what netsvc promises.

/**
 * An outcome may come so many milliseconds after its deadline, beyond twice what JavaScript's
 * thread of the caller stood still: that waited for the processor before and after. The thread that
 * keeps the time waits for it as well, unseen, on a machine with more to do than processors.
 */
const GRACE = 250;

/** @typedef {import("./history.mjs").History} History */
/** @typedef {import("./history.mjs").Entry} Entry */

/**
 * @typedef {object} Verdict
 * @property {string[]} violations
 * @property {Record<string, number>} counts what happened
 */

/**
 * @param {readonly History[]} histories one for each life of a process
 * @param {number} [grace] milliseconds that outcomes may be late
 * @returns {Verdict}
 */
export function judge(histories, grace = GRACE) {
  /** @type {Verdict} */
  const verdict = { violations: [], counts: {} };
  requests(histories, grace, verdict);
  for (const history of histories) {
    reports(history, verdict);
    changes(history, verdict);
  }
  return verdict;
}

/** @param {Verdict} verdict @param {string} what */
function count({ counts }, what, by = 1) {
  counts[what] = (counts[what] ?? 0) + by;
}

/**
 * Every call ends exactly once, in time, and its outcome says the truth about the handler.
 *
 * @param {readonly History[]} histories
 * @param {number} grace
 * @param {Verdict} verdict
 */
function requests(histories, grace, verdict) {
  const { violations } = verdict;
  /** @type {Map<string, number>} */
  const runs = new Map();
  for (const { entries } of histories) {
    for (const entry of entries) {
      if (entry.kind === "ran") runs.set(entry.call, (runs.get(entry.call) ?? 0) + 1);
    }
  }
  for (const [call, times] of runs) {
    if (times > 1) violations.push(`call ${call}: its handler ran ${times} times`);
  }
  for (const { label, entries } of histories) {
    /** @type {Map<string, { method: string, value: number, ended: boolean }>} */
    const calls = new Map();
    for (const entry of entries) {
      if (entry.kind === "called") {
        calls.set(entry.call, { method: entry.method, value: entry.value, ended: false });
      } else if (entry.kind === "ended") {
        const call = calls.get(entry.call);
        count(verdict, "calls");
        if (call?.ended !== false) {
          violations.push(`${label}: call ${entry.call} ended twice`);
          continue;
        }
        call.ended = true;
        const wrong = outcome(entry, call, runs.get(entry.call) ?? 0, grace, verdict);
        if (wrong !== undefined) {
          const shown = JSON.stringify(entry.outcome);
          violations.push(`${label}: ${call.method} ${entry.call} ended in ${shown}: ${wrong}`);
        }
      }
    }
    if (entries.at(-1)?.kind !== "end") continue;
    for (const [call, { ended, method }] of calls) {
      if (!ended) violations.push(`${label}: ${method} ${call} never ended`);
    }
  }
}

/**
 * What is wrong with it.
 *
 * @param {Extract<Entry, { kind: "ended" }>} ended
 * @param {{ method: string, value: number }} call
 * @param {number} runs of its handler
 * @param {number} grace
 * @param {Verdict} verdict
 */
function outcome({ outcome, late, paused }, { method, value }, runs, grace, verdict) {
  if (late > grace + 2 * paused) return `${Math.round(late)} ms late (stood still ${paused} ms)`;
  if ("unexpected" in outcome) return "not an outcome of a call";
  if ("code" in outcome) {
    count(verdict, `calls: ${outcome.code}`);
    if (outcome.delivered === "no" && runs > 0) return "its handler ran";
    if (outcome.delivered === "yes" && runs === 0) return "its handler did not run";
    return undefined;
  }
  if (runs === 0) return "its handler did not run";
  if ("failure" in outcome) {
    count(verdict, "calls: failure");
    return method === "fail" && outcome.failure === "as-asked" ? undefined : "a wrong failure";
  }
  count(verdict, "calls: result");
  const expected = { double: value * 2, late: "late", count: value, cancelled: "late" }[method];
  return outcome.result === expected ? undefined : `not ${expected}`;
}

/**
 * Reports of one service come in order, once each, and between those that were told `missed` counts
 * every one that was not.
 *
 * @param {History} history
 * @param {Verdict} verdict
 */
function reports({ label, entries }, verdict) {
  const { violations } = verdict;
  /**
   * By subscription and service.
   * @type {Map<string, { sequence: number, owed: number | undefined }>}
   */
  const feeds = new Map();
  for (const entry of entries) {
    if (entry.kind !== "told") continue;
    const { by, service, sequence, missed, replayed } = entry;
    const key = `subscription by ${by} of ${service}`;
    count(verdict, "reports");
    count(verdict, "reports: missed", missed);
    const last = feeds.get(key);
    if (last === undefined) {
      // What was published before it is owed only once a live one has come.
      feeds.set(key, { sequence, owed: replayed ? undefined : 0 });
      continue;
    }
    if (sequence <= last.sequence) {
      violations.push(`${label}: ${key}: ${sequence} after ${last.sequence}`);
      continue;
    }
    if (last.owed !== undefined) last.owed += sequence - last.sequence - 1 - missed;
    else if (!replayed) last.owed = 0;
    if (!replayed && last.owed !== undefined) {
      if (last.owed > 0) {
        violations.push(
          `${label}: ${key}: ${last.owed} of those before ${sequence} were not told, nor missed`,
        );
      }
      // An upper bound that was too high does not pay for later ones.
      last.owed = 0;
    }
    last.sequence = sequence;
  }
}

/**
 * A service becomes available once before it is withdrawn once.
 *
 * @param {History} history
 * @param {Verdict} verdict
 */
function changes({ label, entries }, verdict) {
  /** @type {Set<string>} */
  const here = new Set();
  for (const entry of entries) {
    if (entry.kind !== "seen") continue;
    const { status, service } = entry;
    count(verdict, "changes");
    if (status === "available") {
      if (here.has(service)) verdict.violations.push(`${label}: ${service} became available twice`);
      here.add(service);
    } else if (status === "withdrawn") {
      if (!here.delete(service)) {
        verdict.violations.push(`${label}: ${service} was withdrawn without being there`);
      }
    }
  }
}
