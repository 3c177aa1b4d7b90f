// What a service's own process hears of handlers that fail by mistake; their callers hear less.

import type { HandlerError } from "../handler-error.js";
import type { Log } from "../options/log.js";
import { now } from "./clock.js";
import { stackOf } from "./thrown.js";

/** Lines about one method of a service within a minute: callers choose how often it fails. */
const LINES = 10;
const MINUTE = 60;

/** The lines about one method. */
interface Lines {
  /** Since when they are counted, in seconds. */
  since: number;
  written: number;
  /** Failures that had no line of their own. */
  silent: number;
}

/** A service, by what it is and what it is called. */
interface Named {
  readonly name: string;
}

export class HandlerErrors {
  readonly #log: Log;
  readonly #tell: (failure: HandlerError) => void;
  /** By method. */
  readonly #lines = new WeakMap<Named, Map<string, Lines>>();

  constructor(log: Log, tell: (failure: HandlerError) => void) {
    this.#log = log;
    this.#tell = tell;
  }

  /** A handler threw `error`, or what it returned cannot travel. `at`: in seconds, monotonic. */
  note(service: Named, method: string, error: unknown, at: number = now() / 1000): void {
    if (this.#log.takes("error")) this.#write(service, method, error, at);
    this.#tell({ service: service.name, method, error });
  }

  #write(service: Named, method: string, error: unknown, at: number): void {
    const lines = this.#linesOf(service, method, at);
    if (lines.written === LINES) {
      lines.silent += 1;
      return;
    }
    const more = lines.silent === 0 ? "" : ` (and ${lines.silent} times before, without a line)`;
    lines.silent = 0;
    lines.written += 1;
    this.#log.write("error", `${service.name}.${method} failed${more}: ${stackOf(error)}`);
  }

  #linesOf(service: Named, method: string, at: number): Lines {
    let methods = this.#lines.get(service);
    if (methods === undefined) {
      methods = new Map();
      this.#lines.set(service, methods);
    }
    let lines = methods.get(method);
    if (lines === undefined) {
      lines = { since: at, written: 0, silent: 0 };
      methods.set(method, lines);
    }
    if (at - lines.since >= MINUTE) Object.assign(lines, { since: at, written: 0 });
    return lines;
  }
}
