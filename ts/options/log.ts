import { NetsvcError } from "../errors.js";
import { apart } from "../internal/async-context.js";
import { writeLine } from "../internal/stderr.js";
import { watchRejection } from "../internal/thenable.js";

/** From silence to everything. */
export type LogLevel = "off" | "error" | "warn" | "info" | "debug";

/** One message for the operator. */
export interface LogEntry {
  readonly level: Exclude<LogLevel, "off">;
  /** Label of the registry it comes from. */
  readonly label: string;
  readonly message: string;
}

/**
 * A level for messages to stderr, or where all messages go instead. A function may throw, or return
 * a promise that rejects: nobody hears of it.
 */
export type LogOption = LogLevel | ((entry: LogEntry) => void);

const LEVELS: readonly LogLevel[] = ["off", "error", "warn", "info", "debug"];
const DEFAULT_LEVEL: LogLevel = "warn";

/** Messages of one registry or exchange. */
export class Log {
  readonly #label: string;
  readonly #threshold: number;
  readonly #write: (entry: LogEntry) => unknown;
  /** It goes to stderr, as the messages of other registries do. */
  readonly shared: boolean;

  /** Without an option: to stderr, at the level of the environment variable NETSVC_LOG. */
  constructor(label: string, option: LogOption | undefined) {
    this.#label = label;
    this.shared = typeof option !== "function";
    if (typeof option === "function") {
      this.#threshold = LEVELS.length;
      this.#write = (entry) => apart(option, entry);
    } else {
      this.#threshold = LEVELS.indexOf(option === undefined ? levelOfEnvironment() : level(option));
      this.#write = toStderr;
    }
  }

  /** Whether a message of that level goes anywhere. */
  takes(level: LogEntry["level"]): boolean {
    return LEVELS.indexOf(level) <= this.#threshold;
  }

  write(level: LogEntry["level"], message: string): void {
    if (!this.takes(level)) return;
    // A log that fails must not take the application with it, and there is no log to say so: one
    // that throws, nor one that returns a promise, or something like it, that rejects.
    try {
      watchRejection(this.#write({ level, label: this.#label, message }), () => {});
    } catch {}
  }
}

/**
 * Decides which failed attempts of an outage are worth a line: the first, after 1 min, 10 min,
 * hourly.
 */
export class Outage {
  #since: number | undefined;
  #next = 0;

  /** An attempt failed at `now` (seconds, monotonic). True: log it. */
  failed(now: number): boolean {
    if (this.#since === undefined) {
      this.#since = now;
      this.#next = MINUTE;
      return true;
    }
    const elapsed = now - this.#since;
    if (elapsed < this.#next) return false;
    if (elapsed < 10 * MINUTE) this.#next = 10 * MINUTE;
    else this.#next = (Math.floor(elapsed / HOUR) + 1) * HOUR;
    return true;
  }

  /** The outage is over. */
  end(): void {
    this.#since = undefined;
  }
}

const MINUTE = 60;
const HOUR = 3600;

/** Throws a NetsvcError `invalid` for what is neither a level nor a function. */
export function checkLog(option: LogOption | undefined): void {
  if (option !== undefined && typeof option !== "function") level(option);
}

function toStderr(entry: LogEntry): void {
  writeLine(`netsvc ${entry.level} ${entry.label}: ${entry.message}`);
}

function level(option: LogLevel): LogLevel {
  if (LEVELS.includes(option)) return option;
  throw new NetsvcError(
    "invalid",
    `log must be a function or one of ${LEVELS.join(", ")}, not ${String(option)}`,
  );
}

/** An unknown value is no reason to fail: the variable may be set for somebody else. */
function levelOfEnvironment(): LogLevel {
  const value = process.env.NETSVC_LOG as LogLevel | undefined;
  return value !== undefined && LEVELS.includes(value) ? value : DEFAULT_LEVEL;
}
