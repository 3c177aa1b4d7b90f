// What the embedded hub tells its operator, on stderr: the lines of netsvcd.

import type { LinkEvent } from "../link-event.js";
import { type LogEntry, type LogLevel, Outage } from "../options/log.js";
import type { LogFormat } from "./hub-options.js";

type Fields = Readonly<Record<string, string | number | readonly string[] | undefined>>;

const LEVELS: readonly LogLevel[] = ["off", "error", "warn", "info", "debug"];
/** Refused connections that are this far apart have nothing to do with each other, in seconds. */
const QUIET = 600;

/** The hub's log. Text has no time: what collects stderr adds it. */
export class HubLog {
  level: LogLevel;
  format: LogFormat;
  readonly #write: (line: string) => void;
  readonly #row = new Outage();
  #lastRefusal = Number.NEGATIVE_INFINITY;
  #unsaid = 0;

  constructor(
    level: LogLevel,
    format: LogFormat,
    write: (line: string) => void = (line) => process.stderr.write(line),
  ) {
    this.level = level;
    this.format = format;
    this.#write = write;
  }

  /** `event` is stable, to branch on; `fields` are told in JSON only. */
  write(level: LogEntry["level"], event: string, message: string, fields: Fields = {}): void {
    if (LEVELS.indexOf(level) > LEVELS.indexOf(this.level)) return;
    const line =
      this.format === "json"
        ? JSON.stringify({ time: new Date().toISOString(), level, event, message, ...fields })
        : `netsvc ${level}: ${message}`;
    this.#write(`${line.replace(HIDDEN, escaped)}\n`);
  }

  active(event: LinkEvent): void {
    this.write("info", "link-active", `linked with ${describe(event)}`, detailsOf(event));
  }

  inactive(event: LinkEvent): void {
    const message = `link with ${describe(event)} ended${reason(event)}`;
    this.write("info", "link-inactive", message, detailsOf(event));
  }

  /** The first of a row, then after a minute, after ten and hourly is a warning. */
  refused(event: LinkEvent, now: number = performance.now() / 1000): void {
    if (now - this.#lastRefusal > QUIET) {
      this.#row.end();
      this.#unsaid = 0;
    }
    this.#lastRefusal = now;
    const told = this.#row.failed(now);
    const unsaid = told ? this.#unsaid : 0;
    this.#unsaid = told ? 0 : this.#unsaid + 1;
    const more = unsaid === 0 ? "" : `; ${unsaid} more since the last such message`;
    const message = `a connection from ${describe(event)} was not accepted${reason(event)}${more}`;
    const fields = { ...detailsOf(event), ...(unsaid === 0 ? {} : { more: unsaid }) };
    this.write(told ? "warn" : "debug", "link-refused", message, fields);
  }
}

/** Control characters, and what ends a line for some readers: a peer cannot forge a line. */
const HIDDEN = /[\p{Cc}\u2028\u2029]/gu;

function escaped(character: string): string {
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
}

function describe({ peer }: LinkEvent): string {
  if (peer === undefined) return "an unknown address";
  return peer.label === "" ? peer.address : `${peer.label} (${peer.address})`;
}

function reason(event: LinkEvent): string {
  return event.reason === undefined ? "" : `: ${event.reason.message}`;
}

function detailsOf({ peer, reason }: LinkEvent): Fields {
  return {
    process: peer?.process || undefined,
    label: peer?.process ? peer.label : undefined,
    address: peer?.address,
    reason: reason?.code,
  };
}
