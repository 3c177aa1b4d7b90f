// `netsvc hub`: netsvcd where it is installed, the hub in Node otherwise.

import { findNetsvcd, surroundings } from "../border/installation.js";
import { loadConfig } from "./config-file.js";
import { runDaemon } from "./daemon.js";
import { EXIT, runEmbedded } from "./embedded-hub.js";
import { parseHubCommand } from "./hub-command-line.js";
import { settingsOf } from "./hub-options.js";
import { VERSION } from "./version.js";

const HELP = `Usage: netsvc hub [OPTION]…
The hub of a netsvc message exchange: by netsvcd, a small program of its own that
comes with netsvc, or in this Node process where that is not there.

      --embedded            in this Node process in any case
      --listen PLACE        host:port, [IPv6]:port, or a port of both loopback
                            addresses; repeatable; default 11111. Everybody who
                            reaches the port can use the hub. After tcp:// no
                            Unix socket accompanies a loopback address
      --socket PATH         Unix socket, mode 0660; repeatable
      --group NAME          exchange group; default: the unnamed one
      --label NAME          what others call this process; default host:pid
      --heartbeat I[/D]     heartbeat after I seconds of silence, a peer is dead
                            after D; default 5/15
      --drain SECONDS       for what is queued when stopping; default 5
      --limit NAME=N        payload, outbox (bytes), links, …; repeatable;
                            a wrong name lists all
      --config FILE         the same in a file (TOML); the command line wins
      --log-level LEVEL     off, error, warn, info or debug; default info
      --log-format FORMAT   text or json; to stderr
  -h, --help                print this
  -V, --version             print the version

Signals: SIGTERM and SIGINT stop, a second one at once. SIGHUP reads the file
again: log-level, log-format and additional places to listen take effect.
Exit codes: 0 stopped, 1 cannot listen or lacks resources, 2 wrong options or
configuration, 3 a fault in netsvcd.
`;

/** Resolves with the exit code when the hub has ended. */
export async function hub(args: readonly string[]): Promise<number> {
  let command: ReturnType<typeof parseHubCommand>;
  try {
    command = parseHubCommand(args);
  } catch (error) {
    return usage(error);
  }
  if (command.kind === "help") return print(HELP);
  if (command.kind === "version") return print(`netsvc ${VERSION}\n`);
  const found = command.embedded ? { missing: "" } : findNetsvcd(surroundings());
  if ("path" in found) return runDaemon(found.path, command.rest);
  const { config, options } = command;
  let settings: ReturnType<typeof settingsOf>;
  try {
    settings = settingsOf(options, config === undefined ? {} : loadConfig(config));
  } catch (error) {
    return usage(error);
  }
  return runEmbedded(settings, { config, options }, found.missing);
}

function print(text: string): number {
  process.stdout.write(text);
  return EXIT.stopped;
}

function usage(error: unknown): number {
  process.stderr.write(`netsvc hub: ${(error as Error).message}\n`);
  return EXIT.usage;
}
