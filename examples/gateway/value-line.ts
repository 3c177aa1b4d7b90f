import { formatValue } from "./format.js";

/** The last values of telemetry in one line: of many devices, only the busiest. */
export function valueLine(values: ReadonlyMap<string, number>): string {
  if (values.size === 0) return "no values";
  const parts = [
    value(values, "cpu.total", "cpu"),
    value(values, "memory.used", "memory"),
    value(values, "load.1m", "load"),
    busiest(values, "net.", ["rx", "tx"]),
    busiest(values, "disk.", ["read", "write"]),
    hottest(values),
  ];
  return parts.filter((part) => part !== undefined).join(" | ");
}

function value(values: ReadonlyMap<string, number>, subject: string, title: string) {
  const found = values.get(subject);
  return found === undefined ? undefined : `${title} ${formatValue(subject, found)}`;
}

/** Both directions of the device that moves the most bytes; the loopback interface is none. */
function busiest(
  values: ReadonlyMap<string, number>,
  prefix: string,
  directions: readonly [string, string],
): string | undefined {
  const [one, other] = directions;
  const devices = [...values.keys()]
    .filter((subject) => subject.startsWith(prefix) && subject.endsWith(`.${one}`))
    .map((subject) => subject.slice(prefix.length, -one.length - 1))
    .filter((device) => device !== "lo")
    .map((device) => ({
      device,
      rates: directions.map((direction) => values.get(`${prefix}${device}.${direction}`) ?? 0),
    }))
    .sort((a, b) => sum(b.rates) - sum(a.rates));
  const first = devices[0];
  if (first === undefined) return undefined;
  const [inward, outward] = first.rates.map((rate) => formatValue(prefix, rate));
  return `${first.device} ${one} ${inward} ${other} ${outward}`;
}

function hottest(values: ReadonlyMap<string, number>): string | undefined {
  const zones = [...values].filter(([subject]) => subject.startsWith("temperature."));
  const [subject, degrees] = zones.sort(([, a], [, b]) => b - a)[0] ?? [];
  if (subject === undefined || degrees === undefined) return undefined;
  return `${subject.slice("temperature.".length)} ${formatValue(subject, degrees)}`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, number) => all + number, 0);
}
