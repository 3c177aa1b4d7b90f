import type { LinkEvent } from "netsvc";

/** What the events of a link mean, in words. */
export class LinkLines {
  #outage = false;

  active({ peer, attempt }: LinkEvent): string {
    this.#outage = false;
    return `linked with the hub (${peer?.label ?? "?"}), attempt ${attempt}`;
  }

  inactive({ reason }: LinkEvent): string {
    if (reason?.code === "closed") return "link with the hub closed";
    return `link with the hub lost: ${reason?.message ?? "?"} (${reason?.code})`;
  }

  /** Undefined: an outage fails many times a second at first; one line is enough. */
  attemptFailed({ reason, retryIn }: LinkEvent): string | undefined {
    if (this.#outage) return undefined;
    this.#outage = true;
    const next = retryIn === undefined ? "giving up" : "trying again until it is there";
    return `no hub: ${reason?.message ?? "?"}; ${next}`;
  }
}
