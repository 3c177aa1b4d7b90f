import { freemem, totalmem } from "node:os";
import { readText } from "./files.js";
import type { ReadText, Sensor } from "./sensor.js";

/** In bytes. */
export interface Memory {
  readonly total: number;
  /** What programs could still get, which includes what is only cached. */
  readonly available: number;
}

/** `memory.total`, `memory.used` in bytes, and `memory.percent`, the used part. */
export function memorySensor(read: ReadText = readText): Sensor {
  return {
    name: "memory",
    async read() {
      const text = await read("/proc/meminfo");
      const memory =
        text === undefined ? { total: totalmem(), available: freemem() } : parseMemory(text);
      if (memory === undefined) return new Map<string, number>();
      const used = memory.total - memory.available;
      return new Map([
        ["memory.total", memory.total],
        ["memory.used", used],
        ["memory.percent", (100 * used) / memory.total],
      ]);
    },
  };
}

/** Of /proc/meminfo. */
export function parseMemory(text: string): Memory | undefined {
  const fields = new Map<string, number>();
  for (const [, name = "", amount] of text.matchAll(/^(\w+):\s+(\d+) kB$/gm)) {
    fields.set(name, Number(amount) * 1024);
  }
  const total = fields.get("MemTotal");
  // Kernels before 3.14 do not say what is available; this is what `free` showed then.
  const available =
    fields.get("MemAvailable") ??
    sum([fields.get("MemFree"), fields.get("Buffers"), fields.get("Cached")]);
  if (total === undefined || total === 0 || available === undefined) return undefined;
  // Inside a container the two may come from different sources.
  return { total, available: Math.min(available, total) };
}

function sum(amounts: readonly (number | undefined)[]): number | undefined {
  return amounts.reduce((all, amount) =>
    all === undefined || amount === undefined ? undefined : all + amount,
  );
}
