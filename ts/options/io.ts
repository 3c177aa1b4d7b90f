import { NetsvcError } from "../errors.js";

/**
 * Who waits for the sockets of a registry. `auto`: under Node on Linux and macOS, Node's event loop
 * for the established links of clients, which saves a change of threads per message; for everything
 * else, and for all of it elsewhere, netsvc's own thread. `thread`: always that. A thread whose
 * JavaScript is busy for more than half a second loses no link in either case: netsvc's thread
 * reads in its stead.
 */
export type Io = "auto" | "thread";

/** What `auto` or `thread` came to: the event loop takes part, or netsvc's thread alone waits. */
export type IoMode = "loop" | "thread";

const CHOICES: readonly Io[] = ["auto", "thread"];

/**
 * Checks the option `io`; without it, the environment variable NETSVC_IO decides, then `auto`.
 * Unlike a level of the log, a wrong variable is an error: whoever set it relies on it.
 */
export function parseIo(option: Io | undefined): Io {
  if (option !== undefined) return choice(option, "io");
  const variable = process.env.NETSVC_IO;
  return variable === undefined || variable === "" ? "auto" : choice(variable, "NETSVC_IO");
}

/** What to ask the addon for. Bun aborts in libuv's functions, Deno's end after one event. */
export function wantedMode(
  io: Io,
  versions: Readonly<Record<string, string | undefined>> = process.versions,
): IoMode {
  const isNode = versions.bun === undefined && versions.deno === undefined;
  return io === "auto" && isNode ? "loop" : "thread";
}

function choice(value: unknown, what: string): Io {
  const found = CHOICES.find((each) => each === value);
  if (found !== undefined) return found;
  throw new NetsvcError("invalid", `${what} must be one of ${CHOICES.join(", ")}, not ${value}`);
}
