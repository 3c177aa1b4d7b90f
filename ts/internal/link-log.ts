// What the operator hears of links: an outage in a few lines however long it lasts.

import type { LinkEvent } from "../link-event.js";
import { type Log, Outage } from "../options/log.js";
import { now } from "./clock.js";
import { endFailure, noteFailure, tellTogether } from "./shared-outages.js";

/** A server forgets refused connections that are this far apart, in seconds. */
const QUIET = 600;

/** The log of one exchange's links. */
export class LinkLog {
  readonly #log: Log;
  /**
   * A client has one link at a time; all that fail at a server count together, or a port scan would
   * fill the log.
   */
  readonly #outage = new Outage();
  #lastFailure = Number.NEGATIVE_INFINITY;

  constructor(log: Log) {
    this.#log = log;
  }

  /** `at`: in seconds on a monotonic clock. */
  event(
    what: "active" | "inactive" | "attemptFailed",
    event: LinkEvent,
    server: boolean,
    at: number = now() / 1000,
  ): void {
    if (what === "active" && !server) {
      this.#outage.end();
      endFailure(this);
    }
    if (what !== "attemptFailed" && !this.#log.takes("info")) return;
    const peer = describe(event);
    const reason = event.reason === undefined ? "" : `: ${event.reason.message}`;
    if (what === "active") {
      this.#log.write("info", `linked with ${peer}`);
      return;
    }
    if (what === "inactive") {
      this.#log.write("info", `link with ${peer} ended${reason}${next(event)}`);
      return;
    }
    if (server && at - this.#lastFailure > QUIET) this.#outage.end();
    this.#lastFailure = at;
    const level = this.#outage.failed(at) ? "warn" : "debug";
    if (server) {
      this.#log.write(level, `a connection from ${peer} was not accepted${reason}`);
      return;
    }
    const message = `cannot link with ${peer} (attempt ${event.attempt})${reason}${next(event)}`;
    if (!this.#log.shared) {
      this.#log.write(level, message);
      return;
    }
    const key = `${peer} ${event.reason?.code}`;
    noteFailure(key, this, at);
    if (level === "debug") {
      this.#log.write(level, message);
      return;
    }
    const write = (members: number): void =>
      this.#log.write(level, members > 1 ? `${message} (${members} registries)` : message);
    tellTogether(key, write, at);
  }
}

function describe({ peer }: LinkEvent): string {
  if (peer === undefined) return "the hub";
  if (peer.label === "") return peer.address;
  return peer.address === "" ? peer.label : `${peer.label} (${peer.address})`;
}

function next(event: LinkEvent): string {
  if (event.retryIn === undefined) return "";
  return `; trying again in ${Math.round(event.retryIn * 100) / 100} s`;
}
