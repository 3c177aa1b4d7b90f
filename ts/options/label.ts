// What others see as the name of this process, where the application does not say.

import { hostname } from "node:os";
import { isMainThread, threadId } from "node:worker_threads";
import { NetsvcError } from "../errors.js";

/** Bytes of NETSVC_LABEL; numbers of registries and workers may follow. */
const LONGEST = 200;

let labels = 0;

/**
 * The environment variable NETSVC_LABEL, or else `host:pid`, for the first registry of the main
 * thread; with `#2`, … for further ones, `#w1`, … in workers. Throws a NetsvcError `invalid`.
 */
export function defaultLabel(): string {
  const name = nameOfProcess();
  labels += 1;
  const thread = isMainThread ? [] : [`w${threadId}`];
  const further = labels === 1 ? [] : [String(labels)];
  const suffix = [...thread, ...further].join(".");
  return `${name}${suffix === "" ? "" : `#${suffix}`}`;
}

function nameOfProcess(): string {
  const variable = process.env.NETSVC_LABEL;
  // Host names are at most 253 bytes; a name is at most 255 here.
  if (variable === undefined || variable === "") {
    return `${hostname().slice(0, LONGEST)}:${process.pid}`;
  }
  if (Buffer.byteLength(variable) <= LONGEST && variable.isWellFormed()) return variable;
  throw new NetsvcError("invalid", `NETSVC_LABEL must be text of at most ${LONGEST} bytes`);
}
