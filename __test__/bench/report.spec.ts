import { expect, test } from "vitest";
import { plotsOf } from "../../bench/lib/plots.mjs";
import { tableOf } from "../../bench/lib/report.mjs";
import { formatCount, formatNumber } from "../../bench/lib/table.mjs";
import type { Workload } from "../../bench/lib/types.js";

const workload: Workload = {
  id: "W2",
  title: "Requests",
  needs: [],
  columns: [
    { key: "rate", title: "requests/s", format: "count", better: "more" },
    { key: "cpu", title: "CPU µs", format: "number", better: "less", compared: true },
  ],
  measure: () => Promise.reject(new Error("not here")),
};
const entry = (peer: string, rates: number[], failures: string[] = []) => ({
  ...{ peer, point: 0, failures },
  runs: rates.map((rate) => ({ rate, cpu: 1e6 / rate })),
});

test("numbers have three significant digits", () => {
  expect([0.123, 9.996, 12.34, 99.96, 1234].map(formatNumber)).toEqual([
    "0.12",
    "10.0",
    "12.3",
    "100",
    "1234",
  ]);
  expect([812, 9996, 99_960, 999_600, 2_345_678].map(formatCount)).toEqual([
    "812",
    "10.0 k",
    "100 k",
    "1.00 M",
    "2.35 M",
  ]);
});

test("a table has median, range, and multiples of the reference", () => {
  const entries = [
    entry("node-net", [100_000, 110_000, 90_000]),
    entry("netsvc", [200_000, 250_000, 190_000]),
  ];
  const [, head, , own] = tableOf(workload, entries);
  expect(head?.split(/ {2,}/)).toEqual(["peer", "requests/s", "CPU µs", "× node-net", "CPU µs ×"]);
  expect(own?.split(/ {2,}/)).toEqual([
    "netsvc",
    "200 k [190 k..250 k]",
    "5.00 [4.00..5.26]",
    "2.00",
    "0.50",
  ]);
});

test("a peer whose every repetition failed is listed with the reason", () => {
  const lines = tableOf(workload, [entry("ws", [], ["7 messages arrived of 8"])]);
  expect(lines.slice(2)).toEqual([
    expect.stringMatching(/^ws +failed$/),
    "  ws failed: 7 messages arrived of 8",
  ]);
});

test("plots show every peer that was measured, and escape what they show", () => {
  const results = [{ workload, entries: [entry("netsvc", [1]), entry("ws", [], ["no"])] }];
  const plots = plotsOf(results, "a < b");
  expect(Object.keys(plots)).toEqual(["throughput.svg"]);
  expect(plots["throughput.svg"]).toContain(">netsvc</text>");
  expect(plots["throughput.svg"]).toContain("a &lt; b");
  expect(plots["throughput.svg"]).not.toContain(">ws</text>");
});

test("lines are drawn over what grows, on axes with ticks at powers of ten", () => {
  const growth = { title: "services", points: [1, 1000] };
  const results = [
    {
      workload: { ...workload, id: "G2", growth },
      entries: [
        { ...entry("netsvc", [20e6]), point: 1 },
        { ...entry("netsvc", [2e6]), point: 1000 },
      ],
    },
  ];
  const plot = plotsOf(results, "")["growth.svg"] ?? "";
  expect([...plot.matchAll(/>([\d.]+)<\/text>/g)].map(([, text]) => text)).toEqual([
    "0.01",
    "0.1",
    "1",
    "1",
    "1000",
  ]);
});
