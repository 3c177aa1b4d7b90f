// The option `tcpOnly` and the environment variable NETSVC_TCP_ONLY.

import { EXCHANGE_CLIENT, EXCHANGE_SERVER, Exchange } from "netsvc";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseTcpOnly } from "../../ts/options/tcp-only.js";
import { fakeRegistry } from "../helpers/fake-native.js";

const before = process.env.NETSVC_TCP_ONLY;
beforeEach(() => {
  delete process.env.NETSVC_TCP_ONLY;
});
afterEach(() => {
  if (before === undefined) delete process.env.NETSVC_TCP_ONLY;
  else process.env.NETSVC_TCP_ONLY = before;
});

describe("tcpOnly", () => {
  it("is what the option or, without one, NETSVC_TCP_ONLY says, else false", () => {
    expect(parseTcpOnly(undefined)).toBe(false);
    for (const [variable, expected] of [
      ["1", true],
      ["0", false],
      ["", false],
    ] as const) {
      process.env.NETSVC_TCP_ONLY = variable;
      expect(parseTcpOnly(undefined)).toBe(expected);
      expect(parseTcpOnly(true)).toBe(true);
      expect(parseTcpOnly(false)).toBe(false);
    }
  });

  it("is refused where it is anything else", async () => {
    const client = new Exchange(EXCHANGE_CLIENT, fakeRegistry());
    for (const tcpOnly of ["yes", 1, null] as unknown as boolean[]) {
      expect(() => client.connect("hub", 1, 1, { tcpOnly })).toThrow(TypeError);
    }
    for (const tcpOnly of [true, "yes" as unknown as boolean]) {
      expect(() => client.connect({ path: "/x", tcpOnly })).toThrow(TypeError);
    }
    const server = new Exchange(EXCHANGE_SERVER, fakeRegistry());
    const wrong = server.listen(1, { tcpOnly: "yes" as unknown as boolean });
    await expect(wrong).rejects.toThrow(TypeError);
    process.env.NETSVC_TCP_ONLY = "yes";
    expect(() => client.connect("hub", 1)).toThrow("NETSVC_TCP_ONLY must be 0 or 1, not yes");
  });
});
