// Workers that use the addon come and go, the addon loaded in nothing but workers.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { stretched } from "../helpers/time.mjs";

const fixture = fileURLToPath(new URL("fixtures/workers.mjs", import.meta.url));

function run(
  ...args: string[]
): Promise<{ code: number | null; signal: string | null; out: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [fixture, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
      timeout: stretched(90_000),
    });
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (data) => {
      out += data;
    });
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, out: out.trim() }));
  });
}

describe("workers", { timeout: stretched(100_000) }, () => {
  it.each([
    ["one after the other, terminated under traffic", "alone", "20"],
    ["three at a time, terminated under traffic", "together", "7"],
    ["terminated while they start", "early", "20"],
    ["that end by themselves", "end", "5"],
  ])("%s", async (_, how, rounds) => {
    expect(await run(how, rounds)).toEqual({ code: 0, signal: null, out: "done" });
  });
});
