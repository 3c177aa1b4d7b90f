import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** Seconds that a process may take to start, or a command to be answered, unless told otherwise. */
const ANSWER_SECONDS = 30;

/**
 * Starts a process that speaks JSON lines: `{"id":1,"do":"mark",…}` is answered by
 * `{"id":1,"result":…}` or `{"id":1,"error":"…"}`; other lines have no answer. The line
 * `{"id":0,"result":…}` says that it is ready; this resolves then.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {(error: Error) => void} failed told when it ends without having been asked to
 * @returns {Promise<import("./types.js").Child>}
 */
export async function startChild(program, args, failed) {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
  // PEER ROLE OPTIONS
  const name = args.slice(-3, -1).join(" ");
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    errors = (errors + text).slice(-4000);
  });

  /** @type {Map<number, { resolve: (result: any) => void, reject: (error: Error) => void }>} */
  const pending = new Map();
  /** @type {Array<(message: any) => void>} */
  const listeners = [];
  let lastId = -1;
  let wanted = true;

  createInterface({ input: child.stdout }).on("line", (line) => {
    const message = JSON.parse(line);
    const request = pending.get(message.id);
    if (request === undefined) {
      for (const listener of listeners) listener(message);
      return;
    }
    pending.delete(message.id);
    if (message.error === undefined) request.resolve(message.result);
    else request.reject(new Error(`${name}: ${message.error}`));
  });
  child.stdin.on("error", () => {}); // "close" tells of its end
  const ended = once(child, "close");
  const end = (/** @type {Error} */ error) => {
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
    if (wanted) failed(error);
  };
  ended.then(
    ([code, signal]) => end(new Error(`${name} ended (${signal ?? code})\n${errors}`)),
    (error) => end(error),
  );

  /**
   * @param {number} limit
   * @returns {Promise<any>}
   */
  const answer = (limit) => {
    lastId += 1;
    const id = lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        pending.delete(id);
        reject(new Error(`${name} does not answer for ${limit} s\n${errors}`));
      }, limit * 1000);
      const settle = (/** @type {(value: any) => void} */ then) => (/** @type {any} */ value) => {
        clearTimeout(timer);
        then(value);
      };
      pending.set(id, { resolve: settle(resolve), reject: settle(reject) });
    });
  };
  const ready = answer(ANSWER_SECONDS);

  /** @type {import("./types.js").Child} */
  const handle = {
    pid: child.pid ?? 0,
    ask(command, options = {}, limit = ANSWER_SECONDS) {
      const answered = answer(limit);
      handle.tell({ id: lastId, do: command, ...options });
      return answered;
    },
    tell(message) {
      child.stdin.write(`${JSON.stringify(message)}\n`);
    },
    onTold(listener) {
      listeners.push(listener);
    },
    async kill() {
      wanted = false;
      child.kill("SIGKILL");
      await ended.catch(() => {});
    },
  };
  try {
    await ready;
  } catch (error) {
    await handle.kill();
    throw error;
  }
  return handle;
}
