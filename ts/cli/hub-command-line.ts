// The command line of `netsvc hub`: that of netsvcd, and `--embedded`.

import { parseArgs } from "node:util";
import { numberOf } from "./config-syntax.js";
import { type HubOptions, LIMITS, set, setLimit } from "./hub-options.js";

/** What the user wants of `netsvc hub`. */
export type HubCommand =
  | { readonly kind: "help" }
  | { readonly kind: "version" }
  | {
      readonly kind: "run";
      readonly config: string | undefined;
      readonly embedded: boolean;
      readonly options: HubOptions;
      /** The arguments as netsvcd takes them. */
      readonly rest: readonly string[];
    };

const VALUED = [
  "listen",
  "socket",
  "group",
  "label",
  "heartbeat",
  "drain",
  "limit",
  "config",
  "log-level",
  "log-format",
] as const;
const KNOWN = [...VALUED, "help", "version", "embedded"];

/** Throws an Error for people. */
export function parseHubCommand(args: readonly string[]): HubCommand {
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    tokens: true,
    options: {
      ...Object.fromEntries(VALUED.map((name) => [name, { type: "string" as const }])),
      help: { type: "boolean", short: "h" },
      version: { type: "boolean", short: "V" },
      embedded: { type: "boolean" },
    },
  });
  const options: HubOptions = {};
  const own = new Set<number>();
  let config: string | undefined;
  let embedded = false;
  for (const token of tokens) {
    if (token.kind === "positional") throw unknown("unexpected argument", token.value);
    if (token.kind === "option-terminator") throw unknown("unknown option", "--");
    const { name, rawName, value } = token;
    if (name === "help" || name === "version" || name === "embedded") {
      if (value !== undefined) throw new Error(`${rawName} takes no value`);
      if (name !== "embedded") return name === "help" ? { kind: "help" } : { kind: "version" };
      embedded = true;
      own.add(token.index);
      continue;
    }
    const valued = VALUED.find((each) => each === name);
    // One letter is never the name of an option with a value.
    if (valued === undefined) throw unknown("unknown option", rawName);
    if (value === undefined) throw new Error(`${rawName} needs a value`);
    if (valued === "config") {
      if (value === "") throw new Error('--config: "" is not a path');
      if (config !== undefined) throw new Error("--config is given twice");
      config = value;
      continue;
    }
    try {
      apply(options, valued, value);
    } catch (error) {
      throw new Error(`${rawName}: ${(error as Error).message}`);
    }
  }
  const rest = args.filter((_, index) => !own.has(index));
  return { kind: "run", config, embedded, options, rest };
}

function apply(
  options: HubOptions,
  name: Exclude<(typeof VALUED)[number], "config">,
  value: string,
): void {
  if (name === "drain") set.drain(options, seconds(value));
  else if (name === "limit") limit(options, value);
  else if (name === "heartbeat") {
    const [interval = "", ...dead] = value.split("/");
    set.interval(options, seconds(interval));
    if (dead.length > 0) set.dead(options, seconds(dead.join("/")));
  } else set[name](options, value);
}

function limit(options: HubOptions, text: string): void {
  const equals = text.indexOf("=");
  if (equals < 0) throw new Error(`"${text}" is not NAME=N`);
  const [name, digits] = [text.slice(0, equals), text.slice(equals + 1)];
  const value = numberOf(digits);
  if (value?.kind !== "integer") throw new Error(`${name}: "${digits}" is not a whole number`);
  if (!LIMITS.includes(name)) {
    throw new Error(`unknown limit "${name}"; known are ${LIMITS.join(", ")}`);
  }
  try {
    setLimit(options, name, value.number);
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`);
  }
}

function seconds(text: string): number {
  const value = numberOf(text);
  if (value?.kind === "integer" || value?.kind === "fraction") return value.number;
  throw new Error(`"${text}" is not a number of seconds`);
}

function unknown(what: string, name: string): Error {
  return new Error(`${what} "${name}"; known are ${KNOWN.map((known) => `--${known}`).join(", ")}`);
}
