import { expect, test } from "vitest";
import { cpuSensor, parseCpuTimes, utilisation } from "../../examples/gateway/sensors/cpu.js";
import { MachineFiles } from "./machine-files.js";

const STAT = `cpu  44618 12 12034 488849 1047 0 170 23 500 0
cpu0 19916 0 5450 247736 158 0 39 7 0 0
cpu1 24701 0 6584 241112 888 0 130 15 0 0
intr 5531342 0 9 0 0 0 0 0 0 1 0 0 0
ctxt 10232337
btime 1763814472
`;

test("the line of all processors is read, guests are not counted twice", () => {
  const total = 44618 + 12 + 12034 + 488849 + 1047 + 0 + 170 + 23;
  expect(parseCpuTimes(STAT)).toEqual({ idle: 488849 + 1047, total });
});

test("the four fields of an old kernel are enough", () => {
  expect(parseCpuTimes("cpu 10 20 30 40\n")).toEqual({ idle: 40, total: 100 });
});

test.each(["", "\n", "cpu0 1 2 3 4\n", "cpu\n", "cpu  1 2 3\n", "cpu  1 x 3 4 5\n"])(
  "without such a line there are no times: %j",
  (text) => {
    expect(parseCpuTimes(text)).toBeUndefined();
  },
);

test("utilisation is the part that was not idle", () => {
  expect(utilisation({ idle: 100, total: 200 }, { idle: 175, total: 300 })).toBe(25);
});

test("utilisation stays within 0 and 100 when the kernel's idle time errs", () => {
  expect(utilisation({ idle: 100, total: 200 }, { idle: 99, total: 210 })).toBe(100);
  expect(utilisation({ idle: 100, total: 200 }, { idle: 120, total: 210 })).toBe(0);
});

test("without progress of the clock there is no utilisation", () => {
  const times = { idle: 1, total: 2 };
  expect(utilisation(times, times)).toBeUndefined();
  expect(utilisation({ idle: 5, total: 9 }, times)).toBeUndefined();
});

test("the sensor reports from the second reading on", async () => {
  const machine = new MachineFiles({ "/proc/stat": "cpu 0 0 0 100 0 0 0 0\n" });
  const sensor = cpuSensor(machine.read);
  expect(await sensor.read()).toEqual(new Map());
  machine.files["/proc/stat"] = "cpu 30 0 0 170 0 0 0 0\n";
  expect(await sensor.read()).toEqual(new Map([["cpu.total", 30]]));
});

test("an unreadable text between two readings costs those two reports", async () => {
  const machine = new MachineFiles({ "/proc/stat": "cpu 0 0 0 100\n" });
  const sensor = cpuSensor(machine.read);
  await sensor.read();
  machine.files["/proc/stat"] = "";
  expect(await sensor.read()).toEqual(new Map());
  machine.files["/proc/stat"] = "cpu 50 0 0 150\n";
  expect(await sensor.read()).toEqual(new Map());
  machine.files["/proc/stat"] = "cpu 100 0 0 200\n";
  expect(await sensor.read()).toEqual(new Map([["cpu.total", 50]]));
});

test("without /proc the times come from Node", async () => {
  const sensor = cpuSensor(new MachineFiles().read);
  await sensor.read();
  // The clocks that Node reads tick every 10 ms or so: wait until they have.
  await expect.poll(async () => (await sensor.read()).get("cpu.total")).toBeTypeOf("number");
});
