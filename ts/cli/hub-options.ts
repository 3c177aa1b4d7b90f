// What can be set for a hub, by the command line and by the configuration file alike; as
// crates/netsvc-hub/src/options.rs.

import { hostname } from "node:os";
import type { Limits } from "../options/limits.js";
import type { LogLevel } from "../options/log.js";
import { type Place, parseAddress } from "./address.js";

/** How lines of the log look. */
export type LogFormat = "text" | "json";

/** What one source sets, by the names of the configuration file. Times are in seconds. */
export interface HubOptions {
  listen?: Place[];
  socket?: string[];
  group?: string;
  label?: string;
  interval?: number;
  dead?: number;
  drain?: number;
  limits?: Record<string, number>;
  "log-level"?: LogLevel;
  "log-format"?: LogFormat;
}

/** What the hub runs with. */
export interface HubSettings {
  readonly places: readonly Place[];
  readonly group: string;
  readonly label: string;
  readonly heartbeat: { readonly interval: number; readonly dead: number };
  readonly drain: number;
  readonly limits: Limits;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

export const LIMITS: readonly string[] = [
  "payload",
  "outbox",
  "subscription-reports",
  "subscription-bytes",
  "running-requests",
  "pending-requests",
  "services",
  "interests",
  "kept-values",
  "kept-bytes",
  "links",
  "handshakes",
];
const LEVELS: readonly LogLevel[] = ["off", "error", "warn", "info", "debug"];
const FORMATS: readonly LogFormat[] = ["text", "json"];

/** The port when nothing says where to listen. */
const DEFAULT_LISTEN = "11111";
const DEFAULT_DRAIN = 5;
/** Longest drain and heartbeat interval, in seconds. */
const LONGEST = 300;
const LONGEST_NAME = 255;
const GREATEST_PAYLOAD = 64 << 20;
/** So that one file serves on systems of 32 bits and of 64. */
const GREATEST_LIMIT = 0xffff_ffff;

/** Checks of single values; each throws an Error for people, without the option's name. */
export const set: {
  readonly [name in "listen" | "socket" | "group" | "label" | "log-level" | "log-format"]: (
    options: HubOptions,
    text: string,
  ) => void;
} & {
  readonly [name in "interval" | "dead" | "drain"]: (options: HubOptions, seconds: number) => void;
} = {
  listen(options, text) {
    options.listen = [...(options.listen ?? []), parseAddress(text)];
  },
  socket(options, path) {
    if (path === "" || path.includes("\0")) {
      throw new Error(`${JSON.stringify(path)} is not the path of a socket`);
    }
    options.socket = [...(options.socket ?? []), path];
  },
  group(options, name) {
    options.group = checkedName(name);
  },
  label(options, name) {
    options.label = checkedName(name);
  },
  interval(options, seconds) {
    options.interval = within(seconds, 0.01, LONGEST, " seconds");
  },
  dead(options, seconds) {
    options.dead = within(seconds, 0.01, 10 * LONGEST, " seconds");
  },
  drain(options, seconds) {
    options.drain = within(seconds, 0, LONGEST, " seconds");
  },
  "log-level"(options, name) {
    options["log-level"] = oneOf(name, LEVELS);
  },
  "log-format"(options, name) {
    options["log-format"] = oneOf(name, FORMATS);
  },
};

/** `name` is one of LIMITS. */
export function setLimit(options: HubOptions, name: string, value: number): void {
  const greatest = name === "payload" ? GREATEST_PAYLOAD : GREATEST_LIMIT;
  options.limits = { ...options.limits, [name]: within(value, 1, greatest, "") };
}

/** What `options` set wins over `file`; addresses of either kind replace those of both kinds. */
export function settingsOf(options: HubOptions, file: HubOptions): HubSettings {
  const merged = { ...file, ...options };
  const own = options.listen !== undefined || options.socket !== undefined;
  return {
    places: places(own ? options : file),
    group: merged.group ?? "",
    label: merged.label ?? `${hostname().slice(0, 60) || "netsvc"}:${process.pid}`,
    heartbeat: heartbeat(merged.interval, merged.dead),
    drain: merged.drain ?? DEFAULT_DRAIN,
    limits: limits({ ...file.limits, ...options.limits }),
    logLevel: merged["log-level"] ?? "info",
    logFormat: merged["log-format"] ?? "text",
  };
}

function places({ listen, socket }: HubOptions): Place[] {
  if (listen === undefined && socket === undefined) return [parseAddress(DEFAULT_LISTEN)];
  const all = [...(listen ?? []), ...(socket ?? []).map((path) => ({ path }))];
  if (all.length > 0) return all;
  throw new Error("there is nowhere to listen: listen and socket are empty");
}

function heartbeat(interval = 5, dead = 3 * interval): { interval: number; dead: number } {
  if (dead > interval) return { interval, dead };
  throw new Error(
    `heartbeat: a peer cannot be dead after ${dead} s when it is heard of every ${interval} s`,
  );
}

/** The names of the library. */
function limits(byName: Readonly<Record<string, number>>): Limits {
  const camelCase = (name: string) => name.replace(/-(.)/g, (_, letter) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(byName).map(([name, n]) => [camelCase(name), n]));
}

function checkedName(name: string): string {
  const length = Buffer.byteLength(name);
  if (length <= LONGEST_NAME) return name;
  throw new Error(`is ${length} bytes long; ${LONGEST_NAME} are allowed`);
}

function within(value: number, least: number, greatest: number, unit: string): number {
  if (value >= least && value <= greatest) return value;
  throw new Error(`must be ${least} to ${greatest}${unit}`);
}

function oneOf<T extends string>(name: string, all: readonly T[]): T {
  const found = all.find((each) => each === name);
  if (found !== undefined) return found;
  throw new Error(`must be one of ${all.join(", ")}, not ${JSON.stringify(name)}`);
}
