import type { ServiceInfo } from "netsvc";

/**
 * Services as they come and go, in words. A service that comes back is the same (its link was lost)
 * or another of the same name (its process was restarted): its identity tells.
 */
export class ServiceLines {
  /** The last identity of each name. Nothing forgets names here; the parts have a handful. */
  readonly #identities = new Map<string, string>();

  available({ name, identity, label }: ServiceInfo): string {
    const before = this.#identities.get(name);
    this.#identities.set(name, identity);
    if (before === undefined) return `${name} is here (process ${label})`;
    if (before === identity) return `${name} is back (same process ${label})`;
    return `${name} is back (new process ${label})`;
  }

  withdrawn({ name, label }: ServiceInfo): string {
    return `${name} is gone (process ${label})`;
  }
}
