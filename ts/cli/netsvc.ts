#!/usr/bin/env node
// The program `netsvc`.

import { surroundings } from "../border/installation.js";
import { doctor } from "./doctor.js";
import { hub } from "./hub.js";

const HELP = `Usage: netsvc COMMAND [OPTION]…

  hub [OPTION]…      run the hub of a message exchange; netsvc hub --help tells more
  doctor [--json]    say what is installed and whether it works here

  -h, --help         print this
  -V, --version      print the version
`;

const [command, ...args] = process.argv.slice(2);
void main().then((code) => {
  process.exitCode = code;
});

async function main(): Promise<number> {
  switch (command) {
    case "hub":
      // A second signal ends it whatever is still open.
      return process.exit(await hub(args));
    case "doctor":
      return doctor(args);
    case "-h":
    case "--help":
      process.stdout.write(HELP);
      return 0;
    case "-V":
    case "--version":
      process.stdout.write(`netsvc ${surroundings().version}\n`);
      return 0;
    default: {
      const problem = command === undefined ? "" : `netsvc: there is no command "${command}"\n`;
      process.stderr.write(`${problem}${HELP}`);
      return 2;
    }
  }
}
