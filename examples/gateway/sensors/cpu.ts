import { cpus } from "node:os";
import { readText } from "./files.js";
import type { ReadText, Sensor } from "./sensor.js";

/** Time of all processors together since boot, in whatever unit. */
export interface CpuTimes {
  readonly idle: number;
  readonly total: number;
}

/** `cpu.total`: utilisation of all processors together since the last reading, in percent. */
export function cpuSensor(read: ReadText = readText): Sensor {
  let before: CpuTimes | undefined;
  return {
    name: "cpu",
    async read() {
      const text = await read("/proc/stat");
      const now = text === undefined ? timesOfNode() : parseCpuTimes(text);
      const percent = before && now ? utilisation(before, now) : undefined;
      before = now;
      return new Map(percent === undefined ? [] : [["cpu.total", percent]]);
    },
  };
}

/** The line `cpu` of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal, … */
export function parseCpuTimes(text: string): CpuTimes | undefined {
  const line = /^cpu[ \t]+(.*)$/m.exec(text)?.[1];
  if (line === undefined) return undefined;
  // What follows are guests, who are counted as user or nice already.
  const fields = line.trim().split(/\s+/).slice(0, 8).map(Number);
  if (fields.length < 4 || !fields.every((field) => Number.isFinite(field))) return undefined;
  // Waiting for a disk is not work; kernels before 2.6 have no such field.
  const idle = (fields[3] ?? 0) + (fields[4] ?? 0);
  return { idle, total: fields.reduce((sum, field) => sum + field, 0) };
}

/** 0 to 100; undefined when no time has passed or the clocks of the kernel ran backwards. */
export function utilisation(before: CpuTimes, now: CpuTimes): number | undefined {
  const total = now.total - before.total;
  if (total <= 0) return undefined;
  // The kernel estimates the idle time, which may even shrink a little.
  const idle = now.idle - before.idle;
  return Math.min(100, Math.max(0, (100 * (total - idle)) / total));
}

function timesOfNode(): CpuTimes | undefined {
  let idle = 0;
  let total = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    total += times.user + times.nice + times.sys + times.idle + times.irq;
  }
  return total === 0 ? undefined : { idle, total };
}
