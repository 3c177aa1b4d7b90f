import { expect, test } from "vitest";
import { formatBytes, formatValue } from "../../examples/gateway/format.js";
import { valueLine } from "../../examples/gateway/value-line.js";

test("bytes are shown with three digits at most", () => {
  expect([0, 999, 1000, 99_940, 99_960, 999_600, 24_684_084_000].map(formatBytes)).toEqual([
    ...["0 B", "999 B", "1.0 kB", "99.9 kB", "100 kB", "1.0 MB", "24.7 GB"],
  ]);
});

test("values are shown in the unit of their subject", () => {
  expect(formatValue("cpu.total", 12.6)).toBe("13 %");
  expect(formatValue("net.eth0.rx", 1500)).toBe("1.5 kB/s");
  expect(formatValue("temperature.cpu", 41.26)).toBe("41.3 °C");
  expect(formatValue("load.1m", 0.5)).toBe("0.50");
});

test("of many devices the busiest is shown, and never the loopback interface", () => {
  const values = new Map([
    ["cpu.total", 5],
    ["memory.used", 2e9],
    ["net.lo.rx", 9e9],
    ["net.lo.tx", 9e9],
    ["net.eth0.rx", 10],
    ["net.eth0.tx", 10],
    ["net.wlan0.100.rx", 1],
    ["net.wlan0.100.tx", 2000],
    ["temperature.cpu", 40],
    ["temperature.disk", 45],
  ]);
  expect(valueLine(values)).toBe(
    "cpu 5 % | memory 2.0 GB | wlan0.100 rx 1 B/s tx 2.0 kB/s | disk 45.0 °C",
  );
});

test("without values the line says so", () => {
  expect(valueLine(new Map())).toBe("no values");
});
