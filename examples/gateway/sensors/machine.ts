import { cpuSensor } from "./cpu.js";
import { diskSensor } from "./disk.js";
import { loadSensor } from "./load.js";
import { memorySensor } from "./memory.js";
import { networkSensor } from "./network.js";
import type { Sensor } from "./sensor.js";
import { temperatureSensor } from "./temperature.js";

/** Everything that can be read of a machine; each machine has some of it. */
export function machineSensors(): Sensor[] {
  return [
    cpuSensor(),
    memorySensor(),
    loadSensor(),
    networkSensor(),
    diskSensor(),
    temperatureSensor(),
  ];
}
