// Puts netsvcd in the place of this process, or runs it below this one where that is not possible.

import { spawn } from "node:child_process";
import { constants } from "node:os";
import { basename } from "node:path";

/** Since Node 22.15, and not on Windows. */
type Execve = (file: string, args: readonly string[], env: NodeJS.ProcessEnv) => never;

/** Resolves with the exit code, if this process is still there then. */
export function runDaemon(path: string, args: readonly string[]): Promise<number> {
  const { execve } = process as typeof process & { execve?: Execve };
  if (execve !== undefined && process.platform !== "win32") {
    try {
      // Node would go on costing its 40 MB otherwise.
      execve.call(process, path, [basename(path), ...args], process.env);
    } catch {
      // Not permitted here, as under a permission model; the other way may be.
    }
  }
  return new Promise((resolve) => {
    // Before it runs: a signal that came in between would end this process alone.
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
      process.on(signal, () => child.kill(signal));
    }
    // Apart from this process's group: a Ctrl-C reaches it once only, through this process. A
    // second one would end its drain.
    const child = spawn(path, args, { stdio: "inherit", detached: process.platform !== "win32" });
    child.once("error", (error) => {
      process.stderr.write(`netsvc: ${path} does not start: ${error.message}\n`);
      resolve(1);
    });
    child.once("exit", (code, signal) => {
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
