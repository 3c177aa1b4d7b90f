import { NetsvcError } from "../errors.js";

/**
 * Whether a client goes by TCP even where a hub of the same machine offers a Unix socket beside its
 * loopback address. Without the option, the environment variable NETSVC_TCP_ONLY decides (`1` or
 * `0`), then it does not.
 */
export function parseTcpOnly(option: boolean | undefined): boolean {
  if (option !== undefined) return checkTcpOnly(option);
  const variable = process.env.NETSVC_TCP_ONLY;
  if (variable === undefined || variable === "" || variable === "0") return false;
  if (variable === "1") return true;
  throw new NetsvcError("invalid", `NETSVC_TCP_ONLY must be 0 or 1, not ${variable}`);
}

export function checkTcpOnly(option: boolean): boolean {
  if (typeof option === "boolean") return option;
  throw new TypeError("tcpOnly must be true or false");
}
