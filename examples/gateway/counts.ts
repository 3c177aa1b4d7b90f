/** What the parts count, for the summary of the starter. */
export interface Counts {
  /** Reports published, by telemetry and rules. */
  published: number;
  /** Reports received: each once per process that wanted it. */
  received: number;
  /** Reports lost on the way, as netsvc counts them. */
  missed: number;
  /** Requests made, whatever became of them. */
  requests: number;
  /** Those of them that ended without a response. */
  failures: number;
  /** Times a client found the hub again after it had lost it. */
  reconnects: number;
}

export function noCounts(): Counts {
  return { published: 0, received: 0, missed: 0, requests: 0, failures: 0, reconnects: 0 };
}

export function addCounts(to: Counts, more: Counts): void {
  for (const name of Object.keys(to) as (keyof Counts)[]) to[name] += more[name];
}
