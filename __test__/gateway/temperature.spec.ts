import { expect, test } from "vitest";
import {
  parseMillidegrees,
  temperatureSensor,
} from "../../examples/gateway/sensors/temperature.js";
import { MachineFiles } from "./machine-files.js";

test("millidegrees become degrees, also below zero", () => {
  expect(parseMillidegrees("48312\n")).toBe(48.312);
  expect(parseMillidegrees("-5500\n")).toBe(-5.5);
  expect(parseMillidegrees("0")).toBe(0);
});

test.each(["", "\n", "warm\n", "48.3\n", "-274000\n", "65261850\n", "12 34\n"])(
  "what no thermometer can mean is nothing: %j",
  (text) => {
    expect(parseMillidegrees(text)).toBeUndefined();
  },
);

test("zones and chips are found, by clean names that differ", async () => {
  const machine = new MachineFiles({
    "/sys/class/thermal/cooling_device0/type": "Processor\n",
    "/sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "/sys/class/thermal/thermal_zone0/temp": "51000\n",
    "/sys/class/thermal/thermal_zone1/type": "cpu-thermal\n",
    "/sys/class/thermal/thermal_zone1/temp": "52000\n",
    "/sys/class/thermal/thermal_zone2/temp": "-274000\n",
    "/sys/class/hwmon/hwmon0/name": "nvme\n",
    "/sys/class/hwmon/hwmon0/temp1_input": "38850\n",
    "/sys/class/hwmon/hwmon0/temp1_label": "Composite\n",
    "/sys/class/hwmon/hwmon0/temp2_input": "40000\n",
    "/sys/class/hwmon/hwmon0/temp2_label": "Sensor 1/2\n",
    "/sys/class/hwmon/hwmon0/fan1_input": "1200\n",
  });
  expect(await temperatureSensor(machine.read, machine.list).read()).toEqual(
    new Map([
      ["temperature.cpu-thermal", 51],
      ["temperature.cpu-thermal.2", 52],
      ["temperature.nvme.composite", 38.85],
      ["temperature.nvme.sensor-1-2", 40],
    ]),
  );
});

test("names are made where there are none", async () => {
  const machine = new MachineFiles({
    "/sys/class/thermal/thermal_zone3/temp": "20000\n",
    "/sys/class/hwmon/hwmon1/temp1_input": "21000\n",
    "/sys/class/hwmon/hwmon2/name": "\n",
    "/sys/class/hwmon/hwmon2/temp1_input": "22000\n",
  });
  expect([...(await temperatureSensor(machine.read, machine.list).read()).keys()]).toEqual([
    "temperature.thermal-zone3",
    "temperature.hwmon1.1",
    "temperature.1",
  ]);
});

test("a machine without thermometers has no such reports", async () => {
  const machine = new MachineFiles();
  expect(await temperatureSensor(machine.read, machine.list).read()).toEqual(new Map());
});
