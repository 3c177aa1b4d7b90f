import { spawn } from "node:child_process";

/** How long a process may take to end when asked to, in milliseconds. */
const END_MS = 10_000;

/**
 * A process, of Node if nothing else is said, whose output is collected and which never outlives
 * its use.
 */
export class WatchedProcess {
  stdout = "";
  stderr = "";
  /** @type {{ code: number | null, signal: string | null } | undefined} */
  ended = undefined;
  #changed = () => {};
  #child;

  /**
   * @param {readonly string[]} args
   * @param {{ cwd: string, env: NodeJS.ProcessEnv, detached?: boolean, program?: string }} options
   *   `detached`: in a process group of its own; `program`: another one than this Node
   */
  constructor(args, options) {
    const { program = process.execPath, ...rest } = options;
    this.#child = spawn(program, args, { ...rest, stdio: ["ignore", "pipe", "pipe"] });
    this.#child.stdout.setEncoding("utf8").on("data", (text) => {
      this.stdout += text;
      this.#changed();
    });
    this.#child.stderr.setEncoding("utf8").on("data", (text) => {
      this.stderr += text;
      this.#changed();
    });
    this.#child.on("error", (error) => {
      this.stderr += error.message;
      this.#end(null, null);
    });
    this.#child.on("close", (code, signal) => this.#end(code, signal));
  }

  /** Undefined if it could not be started. */
  get pid() {
    return this.#child.pid;
  }

  /**
   * Resolves with whether `condition` held, looked at after every output, before the process ended
   * or `milliseconds` were over.
   * @param {() => boolean} condition
   * @param {number} milliseconds
   * @returns {Promise<boolean>}
   */
  until(condition, milliseconds) {
    return new Promise((resolve) => {
      const settle = () => {
        clearTimeout(timer);
        this.#changed = () => {};
        resolve(condition());
      };
      const timer = setTimeout(settle, milliseconds);
      this.#changed = () => {
        if (condition() || this.ended !== undefined) settle();
      };
      this.#changed();
    });
  }

  /** Ends the process: SIGTERM, and SIGKILL if it has not ended after ten seconds. */
  async stop() {
    if (this.ended !== undefined) return;
    this.#child.kill("SIGTERM");
    await this.until(() => this.ended !== undefined, END_MS);
    if (this.ended !== undefined) return;
    this.#child.kill("SIGKILL");
    await this.until(() => this.ended !== undefined, END_MS);
  }

  /**
   * @param {number | null} code
   * @param {string | null} signal
   */
  #end(code, signal) {
    this.ended ??= { code, signal };
    this.#changed();
  }
}
