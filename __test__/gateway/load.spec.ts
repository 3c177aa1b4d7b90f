import { expect, test } from "vitest";
import { loadSensor, parseLoads } from "../../examples/gateway/sensors/load.js";
import { MachineFiles } from "./machine-files.js";

test("three averages are read", () => {
  expect(parseLoads("2.44 0.97 0.49 2/91 761\n")).toEqual([2.44, 0.97, 0.49]);
  expect(parseLoads("0.00 10.01 123.45")).toEqual([0, 10.01, 123.45]);
});

test.each(["", "\n", "1.00 2.00", "a b c 1/2 3", "-1.00 0.00 0.00 1/2 3"])(
  "anything else is nothing: %j",
  (text) => {
    expect(parseLoads(text)).toBeUndefined();
  },
);

test("the sensor reports each average by its time", async () => {
  const sensor = loadSensor(new MachineFiles({ "/proc/loadavg": "1.50 0.70 0.20 1/9 8\n" }).read);
  expect(await sensor.read()).toEqual(
    new Map([
      ["load.1m", 1.5],
      ["load.5m", 0.7],
      ["load.15m", 0.2],
    ]),
  );
});

test("an unreadable text is no report", async () => {
  const sensor = loadSensor(new MachineFiles({ "/proc/loadavg": "" }).read);
  expect(await sensor.read()).toEqual(new Map());
});
