import type { LinkError } from "./errors.js";
import type { Link, Peer } from "./link.js";

/** What happened to a link. */
export interface LinkEvent {
  readonly link: Link;
  /** The peer as far as it is known. */
  readonly peer: Peer | undefined;
  /** Why; `undefined` for `active`. */
  readonly reason: LinkError | undefined;
  /** Attempts since the last activation, from 1. */
  readonly attempt: number;
  /** Seconds until the next attempt; `undefined`: none follows. */
  readonly retryIn: number | undefined;
}
