// Starts the parts of the gateway, each as a process of its own, and starts them again when they
// die. It takes no part in the exchange: nothing here knows netsvc.

import { ArgumentError, parseArguments, USAGE } from "./arguments.js";
import { Part } from "./part.js";
import { patience } from "./patience.js";
import { DEFAULT_PORT, freePort, obstacle } from "./port.js";
import { Summary } from "./summary.js";

/** How long each part may take to end, in seconds. */
const PATIENCE = patience(3);

const args = argumentsOrExit();
const port = await choosePort();
const startedAt = performance.now();
const summary = new Summary();
const parts = ["hub", "telemetry", "rules", "printer"].map(
  (name) =>
    new Part(name, [String(port)], {
      told: (told) => summary.add(told),
      died: ({ name }, how, delay) =>
        say(`${name} ${how}; it is started again in ${delay.toFixed(1)} s`),
      restarted: ({ name, pid }) => {
        summary.restarts += 1;
        say(`${name} was started again as pid ${pid ?? "?"}`);
      },
    }),
);

// The order does not matter: whoever is early waits for the hub by itself.
for (const part of parts) part.start();
introduce();

let ending = false;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => end(signal === "SIGINT" ? "Ctrl-C" : signal));
}
// `npm start | head`: nobody reads any more, not even this.
process.stdout.on("error", () => end("closed output"));
const { seconds } = args;
const over = seconds && setTimeout(() => end(`${seconds} seconds are over`), seconds * 1000);

/** May be called again while it runs: Ctrl-C reaches us once directly and once through npm. */
async function end(why: string): Promise<void> {
  if (ending) return;
  ending = true;
  clearTimeout(over);
  const lasted = (performance.now() - startedAt) / 1000;
  say(`${why}: ending everything`);
  let clean = true;
  for (const part of parts) part.abandon();
  // Who asks ends before who answers, and the hub last: nobody loses anything.
  for (const part of parts.toReversed()) {
    const { pid } = part;
    if (await part.stop(PATIENCE)) continue;
    clean = false;
    say(`${part.name} (pid ${pid}) did not end and was killed`);
  }
  for (const line of summary.lines(lasted)) console.log(line);
  for (const { name } of parts.filter((part) => part.failing)) {
    clean = false;
    say(`${name} died again and again`);
  }
  if (!summary.anything) {
    clean = false;
    say("no report arrived in this time");
  }
  // Nothing is left that keeps this process alive; what was printed shall still get out.
  process.exitCode = clean ? 0 : 1;
}

function introduce(): void {
  const about: Record<string, string> = {
    hub: `everybody connects to it, at port ${port} of this machine`,
    telemetry: "publishes what this machine measures, every second",
    rules: "keeps statistics of that, answers requests, publishes alarms",
    printer: "shows what happens: the lines with a time",
  };
  console.log("A small gateway, each part a process of its own:");
  for (const { name, pid } of parts) {
    console.log(`  ${name.padEnd(9)} pid ${String(pid ?? "?").padEnd(7)} ${about[name]}`);
  }
  console.log("In its lines: + a service came, - it went, = the link to the hub, ! look here.");
  const [hub, , rules] = parts;
  console.log(`Try in another terminal: kill -9 ${rules?.pid} (rules), kill -9 ${hub?.pid} (hub).`);
  console.log("It comes back. Or keep all processors busy for an alarm. Ctrl-C ends everything.\n");
}

function say(text: string): void {
  console.log(`gateway: ${text}`);
}

function argumentsOrExit() {
  try {
    const parsed = parseArguments(process.argv.slice(2));
    if (!parsed.help) return parsed;
    console.log(USAGE);
    process.exit(0);
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    console.error(`gateway: ${error.message}\n${USAGE}`);
    process.exit(1);
  }
}

async function choosePort(): Promise<number> {
  const wanted = args.port ?? DEFAULT_PORT;
  if (wanted === 0) return freePort();
  const why = await obstacle(wanted);
  if (why === undefined) return wanted;
  if (args.port === undefined) {
    const free = await freePort();
    say(`port ${wanted} ${why}, so the hub gets port ${free}`);
    return free;
  }
  console.error(`gateway: port ${wanted} ${why}; choose another one with --port`);
  process.exit(1);
}
