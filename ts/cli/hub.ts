// `netsvc hub`: netsvcd where it is installed, and the same hub within this process otherwise. What
// the arguments mean is known to the hub alone (crates/netsvc-hub).

import { surroundings } from "../border/installation.js";
import { loadNative } from "../border/native.js";
import { runDaemon } from "./daemon.js";
import { findNetsvcd } from "./find-netsvcd.js";

/** Those that a hub takes somewhere; SIGBREAK is Windows's. */
const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK"] as const;

/** Resolves with the exit code when the hub has ended. */
export async function hub(args: readonly string[]): Promise<number> {
  const { embedded, rest } = takeEmbedded(args);
  if (embedded) return runInNode(rest);
  const found = findNetsvcd(surroundings());
  if ("path" in found) return runDaemon(found.path, rest);
  return runInNode(rest, `running in Node: ${found.missing}`);
}

/** Whether `--embedded` is among the arguments, and the others: those that the hub takes. */
export function takeEmbedded(args: readonly string[]): { embedded: boolean; rest: string[] } {
  const rest: string[] = [];
  let embedded = false;
  let isValue = false;
  for (const arg of args) {
    if (arg === "--embedded" && !isValue) {
      embedded = true;
      continue;
    }
    rest.push(arg);
    // Options of the hub have a value, but for those after which nothing else matters.
    isValue = !isValue && arg.startsWith("--") && !arg.includes("=");
  }
  return { embedded, rest };
}

async function runInNode(args: readonly string[], notice?: string): Promise<number> {
  let native: ReturnType<typeof loadNative>;
  try {
    native = loadNative();
  } catch (error) {
    process.stderr.write(`netsvc hub: ${(error as Error).message}\n`);
    return 1;
  }
  return new Promise((resolve) => {
    // Before the hub says that it has started: whoever waits for that may signal at once.
    for (const signal of SIGNALS) process.on(signal, () => running.signal(signal));
    const running = new native.NativeHub([...args], notice, resolve);
  });
}
