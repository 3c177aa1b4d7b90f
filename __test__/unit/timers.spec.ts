// What an application puts in the place of Node's timers and clock is not used here.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it, vi } from "vitest";
import { ClosedError } from "../../ts/errors.js";
import { Service } from "../../ts/service.js";
import { fakeRegistry } from "../helpers/fake-native.js";

it("a registry works, waits and closes with fake timers", async () => {
  const { registry } = fakeRegistry();
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "hrtime", "performance", "Date"],
    now: 0,
  });
  try {
    const remaining: number[] = [];
    const methods = {
      echo: ({ remaining: left }: { remaining: number }, value: unknown) => {
        remaining.push(left);
        return value;
      },
    };
    new Service("s", { registry, methods });
    expect(await registry.service("s").call("echo", [1])).toBe(1);
    expect(remaining[0]).toBeGreaterThan(1);
    const waiting = registry.waitFor("nobody", { timeout: 0.02 });
    expect(await waiting.catch((error) => error)).toMatchObject({ code: "timeout" });
    await registry.close();
  } finally {
    vi.useRealTimers();
  }
  expect(() => registry.service("s")).toThrow(ClosedError);
});

it("every timer that is used here was captured when netsvc was loaded", () => {
  const root = fileURLToPath(new URL("../../ts/", import.meta.url));
  const used = /\b(?:setTimeout|clearTimeout|setInterval|setImmediate|queueMicrotask)[(;]/;
  const files = (readdirSync(root, { recursive: true }) as string[]).filter(
    (file) => file.endsWith(".ts") && !file.startsWith("cli"),
  );
  expect(files.length).toBeGreaterThan(50);
  for (const file of files) {
    const text = readFileSync(join(root, file), "utf8");
    if (file === join("internal", "timers.ts")) continue;
    expect(text, file).not.toMatch(/process\.(?:hrtime|nextTick)|\{ nextTick \} = process/);
    if (used.test(text)) expect(text, file).toMatch(/from "\.{1,2}\/(?:internal\/)?timers\.js"/);
  }
});
