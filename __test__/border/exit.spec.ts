// A process ends when nothing holds it, and not before; its last words are written.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { stretched } from "../helpers/time.mjs";
import { Station, serve, text } from "./native.mjs";

const fixture = fileURLToPath(new URL("fixtures/exit.mjs", import.meta.url));

/** Runs the fixture to its end; one that does not end is killed and shows by its signal. */
function end(
  ...args: string[]
): Promise<{ code: number | null; signal: string | null; out: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [fixture, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
      timeout: stretched(20_000),
    });
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (data) => {
      out += data;
    });
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, out: out.trim() }));
  });
}

let station = new Station();
afterEach(() => {
  station.environment.close();
  station = new Station();
});

describe("a process", () => {
  it.each([
    ["with services, subscriptions and watches ends", "idle", ""],
    ["stays while its environment is referenced", "held", "still here"],
    ["ends when its environment is no longer referenced", "released", ""],
    ["ends when its environment is closed", "closed", ""],
  ])("%s", async (_, how, out) => {
    expect(await end(how)).toEqual({ code: 0, signal: null, out });
  });

  it("ends although a link is up, when nothing references its environment", async () => {
    const hub = station.registry("hub");
    const { port } = await serve(hub);
    expect(await end("linked", String(port))).toEqual({ code: 0, signal: null, out: "" });
    await hub.next("link", (one) => one.what === "inactive");
  });

  it.each([
    ["at its natural end", "end", 0],
    ["at process.exit, when it closes its environment", "exit", 3],
  ])("writes what it published last, %s", async (_, how, code) => {
    const hub = station.registry("hub");
    const { port } = await serve(hub);
    hub.native.subscribe(0, "child", "n.*", 1000, 1_000_000, false);
    expect(await end(how, String(port))).toEqual({ code, signal: null, out: "" });
    for (let n = 0; n < 100; n += 1)
      expect(text((await hub.next("report")).content)).toBe(String(n));
  });
});
