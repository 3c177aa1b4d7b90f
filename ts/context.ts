/** Who called. */
export interface Caller {
  /** Id of its process, set by the hub. */
  readonly process: string;
  /** Label of its process. */
  readonly label: string;
  /**
   * Aborts when that process is no longer reachable from here, also long after the handler
   * returned: what was set up for the caller can be taken down. Made on first use.
   */
  readonly gone: AbortSignal;
}

/** What a handler knows about its call. */
export interface Context {
  /** The method called. */
  readonly method: string;
  readonly caller: Caller;
  /**
   * When the caller gives up, in seconds on the clock of `performance.now()`; if it reads the
   * result as a stream, on the first part.
   */
  readonly deadline: number;
  /** Seconds until then; 0 when it has passed. */
  readonly remaining: number;
  /**
   * Aborts when nobody waits for the result any more: the caller cancelled, its deadline passed,
   * its process is unreachable, or the service was closed; its reason says which. Made on first
   * use. The call's slot is free when the handler settles, not before.
   */
  readonly signal: AbortSignal;
}
