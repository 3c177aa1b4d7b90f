import { listFolder, readText } from "./files.js";
import type { ListFolder, ReadText, Sensor } from "./sensor.js";

/** `temperature.<zone>` in °C, of whatever thermometers the machine has. */
export function temperatureSensor(
  read: ReadText = readText,
  list: ListFolder = listFolder,
): Sensor {
  return {
    name: "temperature",
    async read() {
      const result = new Map<string, number>();
      for (const { name, path } of [...(await zones(read, list)), ...(await chips(read, list))]) {
        const degrees = parseMillidegrees((await read(path)) ?? "");
        if (degrees !== undefined) result.set(unusedSubject(result, name), degrees);
      }
      return result;
    },
  };
}

interface Thermometer {
  readonly name: string;
  readonly path: string;
}

/** Of /sys/class/thermal: the thermometers that the kernel cools by. */
async function zones(read: ReadText, list: ListFolder): Promise<Thermometer[]> {
  const folders = (await list(ZONES)) ?? [];
  return Promise.all(
    folders
      .filter((folder) => folder.startsWith("thermal_zone"))
      .map(async (folder) => ({
        name: (await read(`${ZONES}/${folder}/type`)) ?? folder,
        path: `${ZONES}/${folder}/temp`,
      })),
  );
}

/** Of /sys/class/hwmon: the thermometers of single chips. */
async function chips(read: ReadText, list: ListFolder): Promise<Thermometer[]> {
  const thermometers: Thermometer[] = [];
  for (const folder of (await list(CHIPS)) ?? []) {
    const chip = (await read(`${CHIPS}/${folder}/name`)) ?? folder;
    for (const file of (await list(`${CHIPS}/${folder}`)) ?? []) {
      const number = /^temp(\d+)_input$/.exec(file)?.[1];
      if (number === undefined) continue;
      const label = (await read(`${CHIPS}/${folder}/temp${number}_label`)) ?? number;
      thermometers.push({
        name: `${chip.trim()}.${label.trim()}`,
        path: `${CHIPS}/${folder}/${file}`,
      });
    }
  }
  return thermometers;
}

const ZONES = "/sys/class/thermal";
const CHIPS = "/sys/class/hwmon";

/**
 * A temperature as /sys has it. Undefined for what no thermometer of a gateway can mean: sensors
 * without a probe say things like -274000 or 65261850.
 */
export function parseMillidegrees(text: string): number | undefined {
  if (!/^-?\d+\s*$/.test(text)) return undefined;
  const degrees = Number(text) / 1000;
  return degrees > -100 && degrees < 250 ? degrees : undefined;
}

/** Names are given by whoever made the hardware, with blanks, slashes, and more than once. */
function unusedSubject(used: ReadonlyMap<string, number>, name: string): string {
  const cleaned = name
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, "-")
    .replace(/^[-.]+|[-.]+$/g, "");
  const subject = `temperature.${cleaned === "" ? "unnamed" : cleaned}`;
  if (!used.has(subject)) return subject;
  for (let n = 2; ; n++) {
    if (!used.has(`${subject}.${n}`)) return `${subject}.${n}`;
  }
}
