/** What `npm start -- …` was asked for. */
export interface Arguments {
  /** End by itself after so many seconds; undefined: at Ctrl-C. */
  readonly seconds: number | undefined;
  /** Undefined: the usual one, or another if that is taken. 0: any free one. */
  readonly port: number | undefined;
  readonly help: boolean;
}

/** Wrong arguments; its message is for the user. */
export class ArgumentError extends Error {}

export const USAGE = `Usage: npm start -- [options]
  --seconds N   end after N seconds, with a summary (default: at Ctrl-C)
  --port N      port of the hub, 1 to 65535; 0: any free one (default: 11111, or a free one)
  --help        show this`;

/** Timers of Node hold 31 bits of milliseconds. */
const MAX_SECONDS = 2_147_483;

/** Options are `--name value` or `--name=value`. Throws ArgumentError. */
export function parseArguments(args: readonly string[]): Arguments {
  let seconds: number | undefined;
  let port: number | undefined;
  let help = false;
  const left = [...args];
  for (let arg = left.shift(); arg !== undefined; arg = left.shift()) {
    const [, name = arg, attached] = /^(--[^=]*)=(.*)$/s.exec(arg) ?? [];
    const value = (what: string): string => {
      const given = attached ?? left.shift();
      if (given === undefined) throw new ArgumentError(`${name} needs ${what}`);
      return given;
    };
    if (name === "--seconds") seconds = parseSeconds(value("a number of seconds"));
    else if (name === "--port") port = parsePort(value("a port"));
    else if ((name === "--help" || name === "-h") && attached === undefined) help = true;
    else throw new ArgumentError(`unknown option ${JSON.stringify(arg)}`);
  }
  return { seconds, port, help };
}

function parseSeconds(text: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (seconds > 0 && seconds <= MAX_SECONDS) return seconds;
  throw new ArgumentError(
    `--seconds must be a number above 0 and at most ${MAX_SECONDS}, not ${JSON.stringify(text)}`,
  );
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new ArgumentError(`--port must be an integer from 0 to 65535, not ${JSON.stringify(text)}`);
}
