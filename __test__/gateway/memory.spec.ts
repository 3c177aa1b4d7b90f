import { expect, test } from "vitest";
import { memorySensor, parseMemory } from "../../examples/gateway/sensors/memory.js";
import { MachineFiles } from "./machine-files.js";

const MEMINFO = `MemTotal:        1000000 kB
MemFree:          200000 kB
MemAvailable:     750000 kB
Buffers:            5936 kB
Cached:          230000 kB
SwapCached:            0 kB
HugePages_Total:       0
`;

test("amounts are in bytes", () => {
  expect(parseMemory(MEMINFO)).toEqual({ total: 1_024_000_000, available: 768_000_000 });
});

test("a kernel that does not say what is available has free memory, buffers and cache", () => {
  const old = "MemTotal: 100 kB\nMemFree: 20 kB\nBuffers: 3 kB\nCached: 7 kB\n";
  expect(parseMemory(old)).toEqual({ total: 102_400, available: 30 * 1024 });
});

test("more available than there is, is all there is", () => {
  const odd = "MemTotal: 100 kB\nMemAvailable: 200 kB\n";
  expect(parseMemory(odd)).toEqual({ total: 102_400, available: 102_400 });
});

test.each([
  "",
  "MemTotal: 100 kB\n",
  "MemAvailable: 100 kB\n",
  "MemTotal: 0 kB\nMemAvailable: 0 kB\n",
  "MemTotal: many kB\nMemAvailable: 5 kB\n",
  "MemTotal: 100 kB\nMemFree: 20 kB\nBuffers: 3 kB\n",
])("without the necessary lines there is nothing: %j", (text) => {
  expect(parseMemory(text)).toBeUndefined();
});

test("the sensor reports total, used and percent", async () => {
  const sensor = memorySensor(new MachineFiles({ "/proc/meminfo": MEMINFO }).read);
  expect(await sensor.read()).toEqual(
    new Map([
      ["memory.total", 1_024_000_000],
      ["memory.used", 256_000_000],
      ["memory.percent", 25],
    ]),
  );
});

test("an unreadable text is no report; no file means to ask Node", async () => {
  const unreadable = memorySensor(new MachineFiles({ "/proc/meminfo": "?" }).read);
  expect(await unreadable.read()).toEqual(new Map());
  const percent = (await memorySensor(new MachineFiles().read).read()).get("memory.percent");
  expect(percent).toBeGreaterThan(0);
  expect(percent).toBeLessThanOrEqual(100);
});
