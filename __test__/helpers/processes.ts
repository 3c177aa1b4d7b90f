/**
 * Processes of end-to-end tests.
 *
 * A fixture is a script in `__test__/fixtures/` that imports the built package (`dist/`) through
 * `./fixture.mjs` and speaks one JSON object per line: it tells events on stdout
 * (`{ event, ...fields }`) and takes commands on stdin (`{ command, id, ...fields }`), each of
 * which it answers with `{ event: "answer", id, result }` or `{ event: "answer", id, error }`.
 *
 * A test:
 *
 *     const processes = useProcesses();             // in describe or at the top of the file
 *     const hub = await processes.start("hub");     // resolves when the fixture told "ready"
 *     const user = await processes.start("client", { port: hub.ready.port });
 *     await user.ask("call", { service: "echo", method: "echo", args: [1] });
 *     await user.event("change", ({ status }) => status === "withdrawn");
 *     hub.kill();                                   // SIGKILL, by its pid
 *     expect(await user.exit()).toEqual({ code: 0, signal: null });
 *
 * Every wait ends, at the latest after PATIENCE, with what the process said meanwhile. After each
 * test all processes it started are killed by pid, stopped ones included.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach } from "vitest";
import { eventually, PATIENCE } from "./eventually.js";

/** One line a fixture told. */
export interface FixtureEvent {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** Whether processes can be stopped and continued, by SIGSTOP and SIGCONT. */
export const canFreeze: boolean = process.platform !== "win32";

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What a fixture is started with besides its parameters. */
export interface StartOptions {
  /** Arguments of node itself, as `["--expose-gc"]`. */
  execArgv?: readonly string[];
  env?: Record<string, string>;
}

/** A running fixture. */
export class FixtureProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #events: FixtureEvent[] = [];
  readonly #exited: Promise<Exit>;
  #stderr = "";
  /** Wakes everybody who waits for something this process does. */
  readonly #waiting = new Set<() => void>();
  #ended = false;
  #lastId = 0;

  constructor(name: string, parameters: object, options: StartOptions) {
    this.name = name;
    const script = fileURLToPath(new URL(`../fixtures/${name}.mjs`, import.meta.url));
    this.#child = spawn(
      process.execPath,
      [...(options.execArgv ?? []), script, JSON.stringify(parameters)],
      { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...options.env } },
    );
    const { stdout, stderr, stdin } = this.#child;
    if (stdout === null || stderr === null || stdin === null) throw new Error("no pipes");
    createInterface({ input: stdout }).on("line", (line) => this.#line(line));
    stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-20_000);
      this.#changed();
    });
    stdin.on("error", () => {}); // it may be dead already; whoever waits for an answer hears it
    this.#exited = new Promise((resolve) => {
      // "close" comes after the last line it wrote.
      this.#child.once("close", (code, signal) => {
        this.#ended = true;
        this.#changed();
        resolve({ code, signal });
      });
    });
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.name} did not start`);
    return this.#child.pid;
  }

  /** Fields of its event `ready`. */
  get ready(): FixtureEvent {
    const ready = this.#events.find(({ event }) => event === "ready");
    if (ready === undefined) throw new Error(`${this.name} is not ready`);
    return ready;
  }

  /** Where it listens, if it does. */
  get port(): number {
    return Number(this.ready.port);
  }

  /** Id of its registry. */
  get id(): string {
    return String(this.ready.id);
  }

  /** Everything it told so far. */
  get events(): readonly FixtureEvent[] {
    return this.#events;
  }

  /** The events of that name that fit, told so far. */
  told(name: string, fits: (event: FixtureEvent) => boolean = () => true): FixtureEvent[] {
    return this.#events.filter((event) => event.event === name && fits(event));
  }

  /** The end of what it wrote to stderr. */
  get stderr(): string {
    return this.#stderr;
  }

  /** The first event of that name that fits, told already or to come. */
  async event(
    name: string,
    fits: (event: FixtureEvent) => boolean = () => true,
    patience: number = PATIENCE,
  ): Promise<FixtureEvent> {
    return this.#until(
      `event ${name}`,
      () => this.#events.find((event) => event.event === name && fits(event)),
      patience,
    );
  }

  /** The first `count` events of that name that fit, told already or to come. */
  async several(
    name: string,
    count: number,
    fits: (event: FixtureEvent) => boolean = () => true,
    patience: number = PATIENCE,
  ): Promise<FixtureEvent[]> {
    return this.#until(
      `${count} events ${name}`,
      () => {
        const told = this.told(name, fits);
        return told.length >= count ? told.slice(0, count) : undefined;
      },
      patience,
    );
  }

  /** Waits until its stderr matches. */
  async stderrMatches(expected: RegExp, patience: number = PATIENCE): Promise<void> {
    await this.#until(
      `stderr ${expected}`,
      () => expected.test(this.#stderr) || undefined,
      patience,
    );
  }

  /** Runs a command in it; resolves with its result, or throws what it threw (name, code, …). */
  async ask(command: string, fields: object = {}, patience: number = PATIENCE): Promise<unknown> {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#child.stdin?.write(`${JSON.stringify({ command, id, ...fields })}\n`);
    const answer = await this.event("answer", (event) => event.id === id, patience);
    if (answer.error !== undefined) {
      throw Object.assign(new Error(`${this.name}: ${command} failed`), answer.error);
    }
    return answer.result;
  }

  /** Ends it by itself: no more commands come, everything is closed. */
  end(): void {
    this.#child.stdin?.end();
  }

  /** Sends a signal to it alone; SIGSTOP and SIGCONT included. */
  kill(signal: NodeJS.Signals = "SIGKILL"): void {
    if (!this.#ended) this.#child.kill(signal);
  }

  /**
   * Stops it by SIGSTOP, and waits until that reached all of its threads where the system shows it:
   * until then those go on.
   */
  async freeze(): Promise<void> {
    this.kill("SIGSTOP");
    if (process.platform !== "linux") return;
    const tasks = `/proc/${this.pid}/task`;
    const state = (task: string) =>
      /\) (\w)/.exec(readFileSync(`${tasks}/${task}/stat`, "utf8"))?.[1];
    await eventually(() => readdirSync(tasks).every((task) => state(task) === "T"));
  }

  /** How it ended, when it has. */
  async exit(patience: number = PATIENCE): Promise<Exit> {
    await this.#until("its end", () => this.#ended || undefined, patience);
    return this.#exited;
  }

  async #until<T>(what: string, look: () => T | undefined, patience: number): Promise<T> {
    const end = performance.now() + patience;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      const left = end - performance.now();
      if (this.#ended || left <= 0) {
        const told = this.#events.map((event) => JSON.stringify(event)).join("\n");
        throw new Error(
          `${this.name} ${this.#ended ? "ended" : "was too slow"}: no ${what}\n${told}\n${this.#stderr}`,
        );
      }
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          this.#waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, left);
        this.#waiting.add(wake);
      });
    }
  }

  #changed(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  #line(line: string): void {
    let event: FixtureEvent;
    try {
      event = JSON.parse(line) as FixtureEvent;
    } catch {
      event = { event: "text", line };
    }
    this.#events.push(event);
    this.#changed();
  }
}

/** Starts fixtures, and kills them after each test. */
export function useProcesses(): {
  start(name: string, parameters?: object, options?: StartOptions): Promise<FixtureProcess>;
} {
  const running: FixtureProcess[] = [];
  afterEach(async () => {
    for (const fixture of running) fixture.kill("SIGKILL");
    await Promise.all(running.map((fixture) => fixture.exit()));
    running.length = 0;
  });
  return {
    async start(name, parameters = {}, options = {}) {
      const fixture = new FixtureProcess(name, parameters, options);
      running.push(fixture);
      await fixture.event("ready");
      return fixture;
    },
  };
}
