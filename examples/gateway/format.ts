// Values as people read them.

/** "21.5 %", "3.2 GB", "12 kB/s", by what telemetry says its subjects are. */
export function formatValue(subject: string, value: number): string {
  if (subject === "cpu.total" || subject === "memory.percent") return `${value.toFixed(0)} %`;
  if (subject.startsWith("memory.")) return formatBytes(value);
  if (subject.startsWith("net.") || subject.startsWith("disk.")) return `${formatBytes(value)}/s`;
  if (subject.startsWith("temperature.")) return `${value.toFixed(1)} °C`;
  return value.toFixed(2);
}

/** In decimal units, three digits. */
export function formatBytes(bytes: number): string {
  let amount = bytes;
  let unit = 0;
  while (amount >= 999.5 && unit < UNITS.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  const decimals = unit === 0 || amount >= 99.95 ? 0 : 1;
  return `${amount.toFixed(decimals)} ${UNITS[unit]}`;
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** Milliseconds, short. */
export function formatLatency(milliseconds: number): string {
  return `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`;
}

/** The time of day, to the second. */
export function formatTime(date: Date): string {
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, "0"))
    .join(":");
}
