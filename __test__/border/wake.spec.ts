// JavaScript is called as the event loop calls anything: ticks and microtasks follow each call, and
// what it throws is an uncaught exception, after which it is called again.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { stretched } from "../helpers/time.mjs";

it("a wake-up is followed by its ticks and microtasks, also when it threw", () => {
  const fixture = fileURLToPath(new URL("fixtures/wake.mjs", import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, [fixture], {
    encoding: "utf8",
    timeout: stretched(20_000),
  });
  const lines = stdout.trim().split("\n");
  expect(status).toBe(0);
  expect(lines[0]).toBe("uncaught: on purpose");
  expect(lines.slice(1, 3).sort()).toEqual(["microtask 1", "tick 1"]);
  expect(lines.slice(3)).toEqual(["tick 2", "microtask 2", "tick 3", "microtask 3"]);
});
