/** Counters of the kernel at one moment. */
export interface Sample {
  /** Seconds, on a clock that never jumps: a gateway's wall clock may be set by years. */
  readonly at: number;
  readonly counters: ReadonlyMap<string, number>;
}

/** How often each counter grew per second between two samples; only what is in both. */
export function rates(before: Sample, after: Sample): Map<string, number> {
  const seconds = after.at - before.at;
  const result = new Map<string, number>();
  if (!(seconds > 0)) return result;
  for (const [name, now] of after.counters) {
    const earlier = before.counters.get(name);
    const growth = earlier === undefined ? undefined : growthOf(earlier, now);
    if (growth !== undefined) result.set(name, growth / seconds);
  }
  return result;
}

/**
 * What a counter grew by. A 32-bit kernel's counters start again at 0 after 2^32 - 1; a counter
 * that fell otherwise belongs to a device that is new under its name: nobody knows its growth.
 */
export function growthOf(before: number, now: number): number | undefined {
  if (now >= before) return now - before;
  const wrapped = now + 2 ** 32 - before;
  return before < 2 ** 32 && wrapped < 2 ** 31 ? wrapped : undefined;
}
