import { expect, test } from "vitest";
import { diskSensor, parseDisks, physicalDisks } from "../../examples/gateway/sensors/disk.js";
import { MachineFiles } from "./machine-files.js";

const DISKSTATS = `   7       0 loop0 54 0 2160 11 0 0 0 0 0 12 11 0 0 0 0
 179       0 mmcblk0 208928 31382 12600514 200707 22402 55620 8530224 22486 0 16964 224893 17896 52 2751720 1632 1474 66
 179       1 mmcblk0p1 300 0 2000 20 1 0 1 0 0 20 20
   8       0 sda 10 0 80 5 20 0 160 9 0 10 14
`;

test("sectors of the disks asked for are read, of old kernels and of new ones", () => {
  expect(parseDisks(DISKSTATS, new Set(["mmcblk0", "sda"]))).toEqual(
    new Map([
      ["disk.mmcblk0.read", 12600514],
      ["disk.mmcblk0.write", 8530224],
      ["disk.sda.read", 80],
      ["disk.sda.write", 160],
    ]),
  );
});

test.each(["", "\n", "8 0 sda\n", "8 0 sda 10 0 80 5\n", "8 0 sda 1 0 x 0 0 0 y 0\n"])(
  "lines that are cut off or no numbers are left out: %j",
  (text) => {
    expect(parseDisks(text, new Set(["sda"]))).toEqual(new Map());
  },
);

test("physical disks are those with a device behind them", async () => {
  const machine = new MachineFiles({
    "/sys/block/sda/device/model": "x",
    "/sys/block/sda/size": "1",
    "/sys/block/loop0/size": "1",
    "/sys/block/dm-0/dm/name": "x",
  });
  expect(await physicalDisks(machine.list)).toEqual(new Set(["sda"]));
  expect(await physicalDisks(new MachineFiles().list)).toEqual(new Set());
});

test("the sensor reports bytes per second of physical disks", async () => {
  const machine = new MachineFiles({
    "/proc/diskstats": "8 0 sda 1 0 100 0 1 0 200 0 0 0 0\n8 1 sda1 1 0 100 0 1 0 200 0 0 0 0\n",
    "/sys/block/sda/device/model": "x",
  });
  let now = 0;
  const sensor = diskSensor(machine.read, machine.list, () => now);
  expect(await sensor.read()).toEqual(new Map());
  now = 2;
  machine.files["/proc/diskstats"] =
    "8 0 sda 1 0 104 0 1 0 240 0 0 0 0\n8 1 sda1 1 0 104 0 1 0 240 0 0 0 0\n";
  expect(await sensor.read()).toEqual(
    new Map([
      ["disk.sda.read", 1024],
      ["disk.sda.write", 10240],
    ]),
  );
});

test("a machine without the files has no such reports", async () => {
  const machine = new MachineFiles();
  expect(await diskSensor(machine.read, machine.list).read()).toEqual(new Map());
});
