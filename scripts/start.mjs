// `npm start [-- arguments]`: sets up what is missing, then runs examples/gateway until it ends.

import { spawn } from "node:child_process";
import { constants } from "node:os";
import { join } from "node:path";
import { root } from "./lib/root.mjs";
import { setupOrExit } from "./setup.mjs";

await setupOrExit({ examples: true });

const script = join(root, ".cache/examples/gateway/start.js");
const child = spawn(process.execPath, [script, ...process.argv.slice(2)], { stdio: "inherit" });

// The gateway decides when it is over, so this process must not die before it. Ctrl-C reaches both
// of them, and npm passes it on as well: the gateway must take a repeated signal for the same one.
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
  process.on(signal, () => child.kill(signal));
}

// npm passes a SIGTERM on only to the shell between it and this process, which dies of it alone.
if (process.env.npm_lifecycle_event !== undefined) {
  const parent = process.ppid;
  const watch = () => process.ppid !== parent && child.kill("SIGTERM");
  setInterval(watch, 500).unref();
}

child.on("error", (error) => {
  console.error(`start: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => {
  process.exit(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
});
