import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";

/** How long a server may take to listen, in milliseconds. */
const START_MS = 20_000;
/** Between two looks whether it does. */
const POLL_MS = 5;

/**
 * Starts a server; resolves when it takes connections.
 * @param {string} path
 * @param {readonly string[]} args
 * @param {number} port
 * @returns {Promise<{ pid: number, listening: number, stop: () => Promise<void> }>}
 *   `listening`: since when, in nanoseconds of the clock that all processes share
 */
export async function startServer(path, args, port) {
  const child = spawn(path, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    said = (said + text).slice(-4000);
  });
  const ended = once(child, "close");
  const endWithUs = () => void child.kill("SIGKILL");
  process.once("exit", endWithUs);
  const stop = async () => {
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
    await ended;
    clearTimeout(timer);
    process.off("exit", endWithUs);
  };
  const end = performance.now() + START_MS;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || child.pid === undefined || performance.now() > end) {
      await stop();
      throw new Error(`${path} does not listen\n${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  const listening = Number(process.hrtime.bigint());
  return { pid: /** @type {number} */ (child.pid), listening, stop };
}

/**
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
