// A program of this package as a process of its own, and what it wrote.

import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach } from "vitest";
import { eventually } from "./eventually.js";

/** The program `netsvc` as it is published. */
export const NETSVC: string = fileURLToPath(new URL("../../dist/cli/netsvc.js", import.meta.url));

/** A running program. */
export class Program {
  stdout = "";
  stderr = "";
  readonly #child: ChildProcess;
  #ended: { code: number | null; signal: NodeJS.Signals | null } | undefined;

  constructor(args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) {
    this.#child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.#child.on("close", (code, signal) => {
      this.#ended = { code, signal };
    });
  }

  kill(signal: NodeJS.Signals): void {
    if (this.#ended === undefined) this.#child.kill(signal);
  }

  /** The first line of JSON on stderr that has the event and fits. */
  logged(event: string, fits: (line: Logged) => boolean = () => true): Promise<Logged> {
    return eventually(() =>
      this.stderr
        .split("\n")
        .filter((line) => line.startsWith("{") && line.endsWith("}"))
        .map((line) => JSON.parse(line) as Logged)
        .find((line) => line.event === event && fits(line)),
    ).catch((error) => {
      throw new Error(`no ${event} in ${this.stderr}`, { cause: error });
    });
  }

  /** Its exit code; a signal counts as failure. */
  async exit(): Promise<number> {
    const ended = await eventually(() => this.#ended);
    if (ended.code === null) throw new Error(`ended by ${ended.signal}: ${this.stderr}`);
    return ended.code;
  }
}

/** A line of a log in JSON. */
export interface Logged {
  readonly level: string;
  readonly event: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** Starts programs, and kills them after each test. */
export function usePrograms(): {
  start(args: readonly string[], options?: ConstructorParameters<typeof Program>[1]): Program;
} {
  const running: Program[] = [];
  afterEach(() => {
    for (const program of running.splice(0)) program.kill("SIGKILL");
  });
  return {
    start(args, options) {
      const program = new Program(args, options);
      running.push(program);
      return program;
    },
  };
}
