import { rates, type Sample } from "./counters.js";
import { listFolder, readText } from "./files.js";
import type { ListFolder, ReadText, Sensor } from "./sensor.js";

/** `disk.<disk>.read` and `.write`: bytes per second since the last reading, per physical disk. */
export function diskSensor(
  read: ReadText = readText,
  list: ListFolder = listFolder,
  clock: () => number = () => performance.now() / 1000,
): Sensor {
  let before: Sample | undefined;
  return {
    name: "disk",
    async read() {
      const text = await read("/proc/diskstats");
      if (text === undefined) return new Map<string, number>();
      const disks = await physicalDisks(list);
      const now = { at: clock(), counters: parseDisks(text, disks) };
      const sectors = before === undefined ? new Map<string, number>() : rates(before, now);
      before = now;
      return new Map([...sectors].map(([subject, rate]) => [subject, rate * SECTOR]));
    },
  };
}

/** The unit of /proc/diskstats in bytes, whatever the sectors of the disk are. */
const SECTOR = 512;

/**
 * Sectors read and written since boot by these disks, by the subject of their rate, as
 * /proc/diskstats counts them.
 */
export function parseDisks(text: string, disks: ReadonlySet<string>): Map<string, number> {
  const counters = new Map<string, number>();
  for (const line of text.split("\n")) {
    const fields = line.trim().split(/\s+/);
    const name = fields[2];
    if (name === undefined || !disks.has(name)) continue;
    const read = Number(fields[5] ?? Number.NaN);
    const written = Number(fields[9] ?? Number.NaN);
    if (!Number.isFinite(read) || !Number.isFinite(written)) continue;
    counters.set(`disk.${name}.read`, read);
    counters.set(`disk.${name}.write`, written);
  }
  return counters;
}

/**
 * Names of what has a device behind it. Partitions, loop devices, memory disks and RAIDs have none;
 * what they do is counted at the disks below them.
 */
export async function physicalDisks(list: ListFolder): Promise<ReadonlySet<string>> {
  const disks = new Set<string>();
  for (const name of (await list("/sys/block")) ?? []) {
    if ((await list(`/sys/block/${name}`))?.includes("device")) disks.add(name);
  }
  return disks;
}
