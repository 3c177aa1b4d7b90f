import { NetsvcError } from "./errors.js";
import { apart } from "./internal/async-context.js";

/** Who wants to be linked with a hub. Address and process are certain; the rest is what it says. */
export interface Applicant {
  /**
   * Its address as the transport names it: host and port. Who comes by a Unix socket has none: then
   * it is where this hub listens, the path, or the loopback address that the socket accompanies.
   */
  readonly address: string;
  /** The host of `address`, of IPv6 without brackets; undefined where that is a path. */
  readonly host: string | undefined;
  /** The port of `address`; undefined where that is a path. */
  readonly port: number | undefined;
  /** Id of its process. It has proved it: nobody can take the id of another. */
  readonly process: string;
  /** Label of its process. */
  readonly label: string;
  /** Its attempts since it was last linked, from 1. */
  readonly attempt: number;
}

/**
 * Decides whether a hub takes a link. Only `true` (also of a promise) accepts; `false`, a throw and
 * a rejection refuse. So does anything else, which is told as `callbackError` as well: it is taken
 * for a mistake.
 */
export type Authorise = (applicant: Applicant) => boolean | Promise<boolean>;

/** Host and port of an address as the transport names it. */
export function partsOf(address: string): Pick<Applicant, "host" | "port"> {
  const [, inBrackets, plain, port] = /^(?:\[([^\]]+)\]|([^:/]+)):(\d+)$/.exec(address) ?? [];
  return { host: inBrackets ?? plain, port: port === undefined ? undefined : Number(port) };
}

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
    const decision: unknown = await apart(authorise, applicant);
    if (typeof decision === "boolean") return decision;
    const what = decision === null ? "null" : typeof decision;
    report(new TypeError(`authorise must return true or false; ${what} refuses the link`));
  } catch (error) {
    if (!isRefusal(error)) report(error);
  }
  return false;
}

function isRefusal(error: unknown): boolean {
  try {
    return error instanceof NetsvcError && error.code === "denied";
  } catch {
    return false; // a code that cannot be read
  }
}
