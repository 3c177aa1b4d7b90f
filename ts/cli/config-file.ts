// The hub's configuration file: read, and turned into options; as crates/netsvc-hub/src/config_file.rs.

import { closeSync, openSync, readSync } from "node:fs";
import { type Entry, parse, type Value } from "./config-syntax.js";
import { type HubOptions, LIMITS, set, setLimit } from "./hub-options.js";

/** Something larger is not meant to be a configuration. */
const MAX_BYTES = 1 << 20;

const KEYS = ["listen", "socket", "group", "label", "drain", "log-level", "log-format"];
const TABLES = ["heartbeat", "limits"];
const HEARTBEAT_KEYS = ["interval", "dead"];

/** Reads the file. Throws an Error for people that begins with the path and the line. */
export function loadConfig(path: string): HubOptions {
  try {
    return optionsOf(read(path));
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** Throws an Error that begins with the line. */
export function optionsOf(text: string): HubOptions {
  const options: HubOptions = {};
  for (const entry of parse(text)) {
    const apply = settingOf(options, entry);
    if (apply === undefined) throw new Error(`line ${entry.line}: ${unknown(entry)}`);
    try {
      apply();
    } catch (error) {
      throw new Error(`line ${entry.line}: ${entry.key}: ${(error as Error).message}`);
    }
  }
  return options;
}

function read(path: string): string {
  const bytes = Buffer.alloc(MAX_BYTES + 1);
  const file = openSync(path, "r");
  try {
    let length = 0;
    for (;;) {
      const count = readSync(file, bytes, length, bytes.length - length, null);
      if (count === 0) break;
      length += count;
    }
    if (length > MAX_BYTES) throw new Error(`is larger than ${MAX_BYTES} bytes`);
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      bytes.subarray(0, length),
    );
  } catch (error) {
    throw error instanceof TypeError ? new Error("is not UTF-8", { cause: error }) : error;
  } finally {
    closeSync(file);
  }
}

/** What applies the entry; undefined: there is no such key. */
function settingOf(options: HubOptions, { table, key, value }: Entry): (() => void) | undefined {
  switch (table === "" ? key : `${table} ${key}`) {
    case "listen":
      return () => {
        options.listen = [];
        for (const text of texts(value)) set.listen(options, text);
      };
    case "socket":
      return () => {
        options.socket = [];
        for (const text of texts(value)) set.socket(options, text);
      };
    case "group":
    case "label":
    case "log-level":
    case "log-format":
      return () => set[key as "group" | "label" | "log-level" | "log-format"](options, text(value));
    case "drain":
      return () => set.drain(options, number(value));
    case "heartbeat interval":
      return () => set.interval(options, number(value));
    case "heartbeat dead":
      return () => set.dead(options, number(value));
  }
  if (table !== "limits" || !LIMITS.includes(key)) return undefined;
  return () => setLimit(options, key, integer(value));
}

function unknown({ table, key }: Entry): string {
  if (table === "") return `unknown key "${key}"; known are ${KEYS.join(", ")}`;
  if (!TABLES.includes(table)) return `unknown table [${table}]; known are ${TABLES.join(", ")}`;
  const known = table === "limits" ? LIMITS : HEARTBEAT_KEYS;
  return `unknown key "${key}" in [${table}]; known are ${known.join(", ")}`;
}

function texts(value: Value): readonly string[] {
  if (value.kind === "text") return [value.text];
  if (value.kind === "texts") return value.texts;
  throw new Error("must be a text or a list of texts");
}

function text(value: Value): string {
  if (value.kind === "text") return value.text;
  throw new Error("must be a text");
}

function number(value: Value): number {
  if (value.kind === "integer" || value.kind === "fraction") return value.number;
  throw new Error("must be a number");
}

function integer(value: Value): number {
  if (value.kind === "integer") return value.number;
  throw new Error("must be a whole number");
}
