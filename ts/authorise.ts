import { NetsvcError } from "./errors.js";

/** Who wants to be linked with a hub. Address and process are certain; the rest is what it says. */
export interface Applicant {
  /**
   * Its address as the transport names it: host and port. Who comes by a Unix socket has none: then
   * it is where this hub listens, the path, or the loopback address that the socket accompanies.
   */
  readonly address: string;
  /** Id of its process. It has proved it: nobody can take the id of another. */
  readonly process: string;
  /** Label of its process. */
  readonly label: string;
  /** Its attempts since it was last linked, from 1. */
  readonly attempt: number;
}

/**
 * Decides whether a hub takes a link. `true` and `undefined` (also of a promise) accept; `false`, a
 * throw, a rejection, and anything else refuse.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: it may return nothing, or throw
export type Authorise = (applicant: Applicant) => boolean | void | Promise<boolean | void>;

/**
 * The decision. What was thrown goes to `report` too, unless it is an intended refusal: an error of
 * netsvc with the code `denied`.
 */
export async function mayLink(
  authorise: Authorise,
  applicant: Applicant,
  report: (error: unknown) => void,
): Promise<boolean> {
  try {
    const decision = await authorise(applicant);
    return decision === undefined || decision === true;
  } catch (error) {
    if (!(error instanceof NetsvcError && error.code === "denied")) report(error);
    return false;
  }
}
