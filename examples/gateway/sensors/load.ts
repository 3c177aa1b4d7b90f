import { loadavg } from "node:os";
import { readText } from "./files.js";
import type { ReadText, Sensor } from "./sensor.js";

/** `load.1m`, `load.5m`, `load.15m`: processes that run or wait to run, on average. */
export function loadSensor(read: ReadText = readText): Sensor {
  return {
    name: "load",
    async read() {
      const text = await read("/proc/loadavg");
      const loads = text === undefined ? loadsOfNode() : parseLoads(text);
      return new Map(NAMES.flatMap((name, i) => (loads ? [[name, loads[i] ?? 0]] : [])));
    },
  };
}

const NAMES = ["load.1m", "load.5m", "load.15m"] as const;

/** Of /proc/loadavg: three averages, then things of no interest here. */
export function parseLoads(text: string): readonly number[] | undefined {
  const numbers = /^(\d+\.\d+) (\d+\.\d+) (\d+\.\d+)(?:\s|$)/.exec(text);
  return numbers === null ? undefined : numbers.slice(1).map(Number);
}

/** Windows has no such thing; Node says 0 there, which would look like an idle machine. */
function loadsOfNode(): readonly number[] | undefined {
  return process.platform === "win32" ? undefined : loadavg();
}
