// The option `io` and the environment variable NETSVC_IO.

import { Registry } from "netsvc";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Io, parseIo, wantedMode } from "../../ts/options/io.js";
import { environments } from "../helpers/fake-environment.js";
import { fakeRegistry } from "../helpers/fake-native.js";

const before = process.env.NETSVC_IO;
beforeEach(() => {
  delete process.env.NETSVC_IO;
});
afterEach(() => {
  if (before === undefined) delete process.env.NETSVC_IO;
  else process.env.NETSVC_IO = before;
});
const invalid = expect.objectContaining({ code: "invalid" });

describe("io", () => {
  it("is `auto` unless the option or, without one, NETSVC_IO says otherwise", () => {
    expect(parseIo(undefined)).toBe("auto");
    process.env.NETSVC_IO = "thread";
    expect(parseIo(undefined)).toBe("thread");
    expect(parseIo("auto")).toBe("auto");
    process.env.NETSVC_IO = "";
    expect(parseIo(undefined)).toBe("auto");
  });

  it("is refused where it is given if it is anything else", () => {
    for (const io of ["loop", "", null, 1]) {
      expect(() => new Registry({ io: io as Io })).toThrow(invalid);
    }
  });

  it("is refused on first use if NETSVC_IO is anything else, which harms nobody who says `io`", () => {
    fakeRegistry();
    process.env.NETSVC_IO = "threads";
    const registry = new Registry();
    expect(() => registry.id).toThrow(invalid);
    expect(() => registry.id).toThrow("NETSVC_IO must be one of auto, thread, not threads");
    expect(new Registry({ io: "thread" }).io).toBe("thread");
  });

  it.each([
    ["Node", { node: "26.0.0", uv: "1.52.0" }, "loop"],
    ["Bun, which aborts when libuv is used", { node: "24.3.0", bun: "1.3.0" }, "thread"],
    ["Deno, whose libuv tells one event", { node: "24.3.0", deno: "2.5.0", uv: "1.0" }, "thread"],
  ])("asks for the event loop only if that is libuv's: %s", (_, versions, mode) => {
    expect(wantedMode("auto", versions)).toBe(mode);
    expect(wantedMode("thread", versions)).toBe("thread");
  });

  it("may differ between registries of one process: each kind has an environment of its own", () => {
    fakeRegistry({ io: "auto" });
    const modes = (["auto", "thread", "auto", "thread"] as const).map(
      (io) => new Registry({ io }).io,
    );
    expect(modes).toEqual(["loop", "thread", "loop", "thread"]);
    expect(environments.slice(-2).map(({ io }) => io)).toEqual(["loop", "thread"]);
  });
});
