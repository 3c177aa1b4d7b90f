import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";

/** How long a program may take to be ready, in milliseconds. */
const START_MS = 30_000;
/** Between two looks whether it is. */
const POLL_MS = 20;

/**
 * Runs a program as a user would, without a line of the benchmark but the last, which leaves a file
 * when the program's own lines are done. Resolves then.
 * @param {string} text an ES module that stays
 * @param {string} path where it is written to
 * @param {(
 *   program: string,
 *   args: readonly string[],
 * ) => readonly [string, readonly string[]]} pinned
 */
export async function startProgram(text, path, pinned) {
  const ready = `${path}.ready`;
  const last = `import { writeFileSync } from "node:fs";\nwriteFileSync(${JSON.stringify(ready)}, "");`;
  writeFileSync(path, `${text}\n${last}\n`);
  const [program, args] = pinned(process.execPath, [path]);
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (chunk) => {
    said = (said + chunk).slice(-4000);
  });
  const ended = once(child, "close");
  const kill = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  const end = performance.now() + START_MS;
  while (!existsSync(ready)) {
    if (child.exitCode !== null || child.pid === undefined || performance.now() > end) {
      await kill();
      throw new Error(`a program did not get ready:\n${text}\n${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return { pid: /** @type {number} */ (child.pid), kill };
}
