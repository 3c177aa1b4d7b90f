import { expect, test } from "vitest";
import { networkSensor, parseInterfaces } from "../../examples/gateway/sensors/network.js";
import { MachineFiles } from "./machine-files.js";

const HEAD = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
`;
const DEV = `${HEAD}    lo: 192352116   21303    0    0    0     0          0         0 192352116   21303    0    0    0     0       0          0
  ifb0:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
  eth0: 744347265   23478    0    0    0     0          0         0  1897955   14990    0    0    0     0       0          0
`;

test("bytes of interfaces with traffic are read, the head lines are not", () => {
  expect(parseInterfaces(DEV)).toEqual(
    new Map([
      ["net.lo.rx", 192352116],
      ["net.lo.tx", 192352116],
      ["net.eth0.rx", 744347265],
      ["net.eth0.tx", 1897955],
    ]),
  );
});

test("names with dots, aliases with colons, and no blank after the colon", () => {
  const text = `${HEAD}eth0.100:1 0 0 0 0 0 0 0 2 0 0 0 0 0 0 0
  eth0:1: 3 0 0 0 0 0 0 0 4 0 0 0 0 0 0 0
`;
  expect([...parseInterfaces(text).keys()]).toEqual([
    "net.eth0.100.rx",
    "net.eth0.100.tx",
    "net.eth0:1.rx",
    "net.eth0:1.tx",
  ]);
});

test.each(["", HEAD, "eth0: 1 2 3\n", "eth0: x 0 0 0 0 0 0 0 1 0\n", ": 1 0 0 0 0 0 0 0 2\n"])(
  "lines that are cut off or no numbers are left out: %j",
  (text) => {
    expect(parseInterfaces(text)).toEqual(new Map());
  },
);

test("the sensor reports bytes per second, across a counter that wraps", async () => {
  const line = (rx: number, tx: number) => `${HEAD}eth0: ${rx} 0 0 0 0 0 0 0 ${tx} 0 0 0 0 0 0 0\n`;
  const machine = new MachineFiles({ "/proc/net/dev": line(2 ** 32 - 1000, 500) });
  let now = 100;
  const sensor = networkSensor(machine.read, () => now);
  expect(await sensor.read()).toEqual(new Map());
  now += 2;
  machine.files["/proc/net/dev"] = line(3000, 1500);
  expect(await sensor.read()).toEqual(
    new Map([
      ["net.eth0.rx", 2000],
      ["net.eth0.tx", 500],
    ]),
  );
});

test("an interface that was replaced has no rate until it was read twice", async () => {
  const line = (rx: number) => `${HEAD}usb0: ${rx} 0 0 0 0 0 0 0 ${rx} 0 0 0 0 0 0 0\n`;
  const machine = new MachineFiles({ "/proc/net/dev": line(1_000_000) });
  let now = 0;
  const sensor = networkSensor(machine.read, () => now++);
  await sensor.read();
  machine.files["/proc/net/dev"] = line(10);
  expect(await sensor.read()).toEqual(new Map());
  machine.files["/proc/net/dev"] = line(15);
  expect((await sensor.read()).get("net.usb0.rx")).toBe(5);
});

test("a machine without the file has no such reports", async () => {
  expect(await networkSensor(new MachineFiles().read).read()).toEqual(new Map());
});
