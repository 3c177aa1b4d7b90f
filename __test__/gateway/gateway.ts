import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../scripts/lib/root.mjs";
import { WatchedProcess } from "../../scripts/lib/watched.mjs";
import { stretched } from "../helpers/time.mjs";

/** Longest wait for a line of the gateway, in milliseconds. */
const PATIENCE = stretched(15_000);

/** The parts, in the order in which they are introduced. */
export const PARTS = ["hub", "telemetry", "rules", "printer"] as const;
export type PartName = (typeof PARTS)[number];

/** The compiled example gateway as a process, in a process group of its own. */
export class Gateway {
  readonly #process: WatchedProcess;
  #read = 0;

  constructor(...args: string[]) {
    const script = join(root, ".cache/examples/gateway/start.js");
    const { NETSVC_LOG: _, ...env } = process.env;
    this.#process = new WatchedProcess([script, ...args], { cwd: root, env, detached: true });
  }

  /** Of the starter, which is also that of the group. */
  get pid(): number {
    if (this.#process.pid === undefined) throw new Error("the gateway could not be started");
    return this.#process.pid;
  }

  get stdout(): string {
    return this.#process.stdout;
  }

  get stderr(): string {
    return this.#process.stderr;
  }

  /** The newest process of a part, as the gateway says it to its user. */
  pidOf(part: PartName): number {
    const said = [
      ...this.stdout.matchAll(new RegExp(`^(?: +|gateway: )${part}\\b.* pid (\\d+)`, "gm")),
    ];
    return Number(said.at(-1)?.[1] ?? Number.NaN);
  }

  /** Waits for a line after those waited for before; fails with all output if it does not come. */
  async line(pattern: RegExp): Promise<string> {
    const found = () => new RegExp(pattern.source, "m").exec(this.stdout.slice(this.#read));
    await this.#process.until(() => found() !== null, PATIENCE);
    const { index, 0: text } = found() ?? fail(`no line ${pattern}`, this.#process);
    this.#read += index + text.length;
    return text;
  }

  /** Waits until lines of all these patterns came, in whatever order. */
  async lines(...patterns: RegExp[]): Promise<void> {
    const start = this.#read;
    let end = start;
    for (const pattern of patterns) {
      this.#read = start;
      await this.line(pattern);
      end = Math.max(end, this.#read);
    }
    this.#read = end;
  }

  /** Waits for the end; returns the exit code. */
  async end(): Promise<number | null> {
    await this.#process.until(() => false, PATIENCE);
    const { code } = this.#process.ended ?? fail("it did not end", this.#process);
    return code;
  }

  /** A number of the summary. */
  count(name: string): number {
    const text = new RegExp(`^ {2}${name}: (\\d+)\\b`, "m").exec(this.stdout)?.[1];
    return Number(text ?? fail(`no ${name} in the summary`, this.#process));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop();
  }
}

/** Whether a process runs. One that has ended, and that nobody has asked about yet, does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = `/proc/${pid}/stat`;
  if (!existsSync(stat)) return process.platform !== "linux";
  return !/\) [ZX] /.test(readFileSync(stat, "utf8"));
}

function fail(what: string, { stdout, stderr }: WatchedProcess): never {
  throw new Error(`${what} in:\n${stdout}\n${stderr}`);
}
