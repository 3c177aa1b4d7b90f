import { spawn } from "node:child_process";
import { root } from "./root.mjs";

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd] the repository's folder if not given
 * @property {NodeJS.ProcessEnv} [env] the whole environment
 * @property {boolean} [capture] collect stdout instead of only passing it on
 * @property {boolean} [quiet] do not pass stdout and stderr on
 * @property {boolean} [shell] needed for .cmd files on Windows
 */

/**
 * Runs a program to its end. Never rejects: a program that cannot be started ends with code 127,
 * one ended by a signal with 128.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<{ code: number, stdout: string, stderr: string }>}
 */
export function run(program, args, options = {}) {
  const { cwd = root, env = process.env, capture = false, quiet = false, shell = false } = options;
  const kept = quiet || capture;
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd,
      env,
      shell,
      stdio: ["ignore", kept ? "pipe" : "inherit", quiet ? "pipe" : "inherit"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout?.setEncoding("utf8").on("data", (/** @type {string} */ text) => {
      stdout += text;
      if (!quiet) process.stdout.write(text);
    });
    child.stderr?.setEncoding("utf8").on("data", (/** @type {string} */ text) => {
      stderr += text;
    });
    child.on("error", (error) => resolve({ code: 127, stdout, stderr: stderr + error.message }));
    child.on("close", (code) => resolve({ code: code ?? 128, stdout, stderr }));
  });
}
