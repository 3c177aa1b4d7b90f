// The log goes to stderr, and stderr may be anything: no state of it ends or holds up a process.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { freePort } from "../helpers/ports.js";
import { stretched } from "../helpers/time.mjs";

const FIXTURE = fileURLToPath(new URL("../fixtures/talkative.mjs", import.meta.url));
/** Programs start slowly on a busy machine, and those that hang do so for ever. */
const PATIENT = stretched(40_000);
const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/** A pipe whose reader does what the test says. */
class Pipe {
  readonly #folder = mkdtempSync(join(tmpdir(), "netsvc-log-"));
  #reader: number | undefined;
  readonly writer: number;
  text = "";

  constructor() {
    const path = join(this.#folder, "stderr");
    execFileSync("mkfifo", [path]);
    this.#reader = openSync(path, O_RDONLY | O_NONBLOCK);
    this.writer = openSync(path, O_WRONLY);
  }

  read(): string {
    const bytes = Buffer.alloc(65_536);
    for (;;) {
      try {
        const count = readSync(this.#reader ?? -1, bytes);
        if (count === 0) return this.text;
        this.text += bytes.toString("utf8", 0, count);
      } catch {
        return this.text; // empty for now
      }
    }
  }

  closeReader(): void {
    if (this.#reader !== undefined) closeSync(this.#reader);
    this.#reader = undefined;
  }

  end(): void {
    this.closeReader();
    closeSync(this.writer);
    rmSync(this.#folder, { recursive: true });
  }
}

class Talkative {
  readonly #child: ChildProcess;
  readonly #answers: Array<Record<string, unknown>> = [];
  ended: number | string | null | undefined;
  stderr = "";

  constructor(stderr: number | "pipe", parameters: object, level = "debug") {
    this.#child = spawn(process.execPath, [FIXTURE, JSON.stringify(parameters)], {
      stdio: ["pipe", "pipe", stderr],
      env: { ...process.env, NETSVC_LOG: level },
    });
    const { stdout } = this.#child;
    if (stdout === null) throw new Error("no pipe");
    createInterface({ input: stdout }).on("line", (line) => this.#answers.push(JSON.parse(line)));
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.#child.on("exit", (code, signal) => {
      this.ended = signal ?? code;
    });
  }

  ready(): Promise<Record<string, unknown>> {
    return eventually(() => this.#answers.find(({ event }) => event === "ready"), PATIENT);
  }

  closeStderr(): void {
    this.#child.stderr?.destroy();
  }

  /** It still answers, `milliseconds` after its start at least. */
  async outlives(milliseconds: number): Promise<void> {
    await eventually(async () => {
      if (this.ended !== undefined) throw new Error(`ended with ${this.ended}`);
      this.#ask("lived");
      await new Promise((resolve) => setTimeout(resolve, 100));
      return this.#answers.some(({ result }) => Number(result) >= milliseconds) || undefined;
    }, PATIENT);
  }

  async end(): Promise<void> {
    this.#ask("end");
    await eventually(() => (this.ended === undefined ? undefined : true), PATIENT);
    expect(this.ended).toBe(7);
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #ask(command: string): void {
    this.#child.stdin?.write(`${JSON.stringify({ command, id: 1 })}\n`);
  }
}

const pipes: Pipe[] = [];
const children: Talkative[] = [];

function pipe(): Pipe {
  const made = new Pipe();
  pipes.push(made);
  return made;
}

function start(...how: ConstructorParameters<typeof Talkative>): Talkative {
  const child = new Talkative(...how);
  children.push(child);
  return child;
}

afterEach(() => {
  for (const child of children.splice(0)) child.kill();
  for (const each of pipes.splice(0)) each.end();
});

describe.skipIf(process.platform === "win32")(
  "a process that logs",
  { timeout: 2 * PATIENT },
  () => {
    it.each([
      ["in its main thread", false],
      ["in a worker", true],
    ])("%s lives on when the reader of stderr is gone", async (_, worker) => {
      const stderr = pipe();
      stderr.closeReader();
      const child = start(stderr.writer, { port: await freePort(), worker });
      await child.outlives(500);
      await child.end();
    });

    it("lives on when a socket at stderr is closed later", async () => {
      const child = start("pipe", { port: await freePort() });
      await eventually(() => child.stderr.includes("cannot link") || undefined, PATIENT);
      child.closeStderr();
      await child.outlives(500);
      await child.end();
    });

    it("as a hub lives on when a stranger knocks and the reader of stderr is gone", async () => {
      const stderr = pipe();
      stderr.closeReader();
      const hub = start(stderr.writer, { hub: true }, "warn");
      const { port } = await hub.ready();
      for (let knock = 0; knock < 3; knock++) {
        await new Promise((closed) => {
          const stranger = connect(Number(port), "127.0.0.1", () =>
            stranger.write("GET / HTTP/1.1\r\n\r\n"),
          );
          stranger.resume().on("close", closed);
        });
      }
      await hub.outlives(500);
      await hub.end();
    });

    it.each([
      ["in its main thread", false],
      ["in a worker", true],
    ])(
      "%s is not held up by a reader that stops, and says how much was lost",
      async (_, worker) => {
        const stderr = pipe();
        const child = start(stderr.writer, { port: await freePort(), registries: 20, worker });
        // 64 KiB are full after some 600 of some 2,000 lines in a second, and then as many wait.
        await child.outlives(4000);
        await eventually(
          () => /messages before this one were dropped/.test(stderr.read()) || undefined,
          PATIENT,
        );
        expect(stderr.text).toMatch(/^netsvc \w+ client \d+: cannot link with /);
        // Whole lines.
        for (const line of stderr.text.split("\n").slice(0, -1))
          expect(line).toMatch(/^netsvc \w+/);
        await child.end();
      },
    );

    it("says once, with a count, that fifty registries have no hub", async () => {
      const child = start("pipe", { port: await freePort(), registries: 50, retry: 0.2 }, "warn");
      await child.outlives(2000);
      expect(child.stderr).toMatch(
        /^netsvc warn client \d+: cannot link with [^\n]* \(50 registries\)\n$/,
      );
      await child.end();
    });
  },
);
