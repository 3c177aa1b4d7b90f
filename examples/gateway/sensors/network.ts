import { rates, type Sample } from "./counters.js";
import { readText } from "./files.js";
import type { ReadText, Sensor } from "./sensor.js";

/** `net.<interface>.rx` and `.tx`: bytes per second received and sent since the last reading. */
export function networkSensor(
  read: ReadText = readText,
  clock: () => number = () => performance.now() / 1000,
): Sensor {
  let before: Sample | undefined;
  return {
    name: "network",
    async read() {
      const text = await read("/proc/net/dev");
      if (text === undefined) return new Map<string, number>();
      const now = { at: clock(), counters: parseInterfaces(text) };
      const result = before === undefined ? new Map<string, number>() : rates(before, now);
      before = now;
      return result;
    },
  };
}

/**
 * Bytes received and sent since boot by the interfaces of /proc/net/dev, by the subject of their
 * rate. Interfaces that never had any traffic are left out: many machines have a dozen.
 */
export function parseInterfaces(text: string): Map<string, number> {
  const counters = new Map<string, number>();
  for (const line of text.split("\n")) {
    // Old kernels print no blank after the colon, and an alias has a colon in its name.
    const colon = line.lastIndexOf(":");
    if (colon < 0) continue;
    const name = line.slice(0, colon).trim();
    const fields = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/)
      .map(Number);
    const received = fields[0] ?? Number.NaN;
    const sent = fields[8] ?? Number.NaN;
    if (name === "" || !Number.isFinite(received) || !Number.isFinite(sent)) continue;
    if (received === 0 && sent === 0) continue;
    counters.set(`net.${name}.rx`, received);
    counters.set(`net.${name}.tx`, sent);
  }
  return counters;
}
