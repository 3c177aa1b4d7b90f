import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { END, type Told } from "./channel.js";

/** What happens to a part. */
export interface PartEvents {
  told(told: Told): void;
  /** It ended without being told to, and will be started again in `delay` seconds. */
  died(part: Part, how: string, delay: number): void;
  restarted(part: Part): void;
}

/** Seconds before a part that died is started again. */
const DELAY = 0.2;
/** A part that lived shorter than this died at once; in seconds. */
const AT_ONCE = 2;
/**
 * One that dies at once again and again is started less and less often, down to this; in seconds.
 */
const LONGEST_DELAY = 5;

/** A part of the gateway as its starter sees it: a process that is replaced when it dies. */
export class Part {
  readonly name: string;
  readonly #args: readonly string[];
  readonly #events: PartEvents;
  #child: ChildProcess | undefined;
  #restart: NodeJS.Timeout | undefined;
  #startedAt = 0;
  #diedAtOnce = 0;
  #abandoned = false;
  #gone = (): void => {};

  constructor(name: string, args: readonly string[], events: PartEvents) {
    this.name = name;
    this.#args = args;
    this.#events = events;
  }

  /** Of the process that runs now. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** It died at once, at least twice in a row: something is wrong that a restart does not mend. */
  get failing(): boolean {
    return this.#diedAtOnce >= 2;
  }

  start(): void {
    const script = fileURLToPath(new URL(`./${this.name}.js`, import.meta.url));
    const child = spawn(process.execPath, [script, ...this.#args], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      // The printer shows links that fail; each part telling it as well would be too much.
      env: { NETSVC_LOG: "error", ...process.env },
    });
    this.#child = child;
    this.#startedAt = performance.now();
    child.on("message", (told) => this.#events.told(told as Told));
    // `close` comes after `exit`, when everything it told has arrived. Without a process, it may
    // not.
    child.once("close", (code, signal) => this.#ended(child, how(code, signal)));
    child.on("error", (error) => {
      if (child.pid === undefined) this.#ended(child, `could not be started: ${error.message}`);
    });
  }

  /** It is not started again when it ends. */
  abandon(): void {
    this.#abandoned = true;
    clearTimeout(this.#restart);
  }

  /**
   * Tells it to end; kills it after `patience` seconds. Resolves when it is gone, with whether it
   * ended by itself.
   */
  async stop(patience: number): Promise<boolean> {
    this.abandon();
    const child = this.#child;
    if (child === undefined) return true;
    const gone = new Promise<void>((resolve) => {
      this.#gone = resolve;
    });
    // It may be gone already, which `close` is about to say.
    if (child.connected) child.send(END, () => {});
    let ended = true;
    const timer = setTimeout(() => {
      ended = false;
      child.kill("SIGKILL");
    }, patience * 1000);
    await gone;
    clearTimeout(timer);
    return ended;
  }

  #ended(child: ChildProcess, how: string): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    this.#gone();
    if (this.#abandoned) return;
    const lived = (performance.now() - this.#startedAt) / 1000;
    this.#diedAtOnce = lived < AT_ONCE ? this.#diedAtOnce + 1 : 0;
    const delay = Math.min(LONGEST_DELAY, DELAY * 2 ** Math.max(0, this.#diedAtOnce - 1));
    this.#events.died(this, how, delay);
    this.#restart = setTimeout(() => {
      this.start();
      this.#events.restarted(this);
    }, delay * 1000);
  }
}

function how(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
}
