// Reads what this machine measures, every second, and publishes it.

import { setTimeout as sleep } from "node:timers/promises";
import { Service } from "netsvc";
import { connectToHub } from "./connection.js";
import { counted, endWhenTold } from "./life.js";
import { machineSensors } from "./sensors/machine.js";
import type { Telemetry } from "./telemetry-api.js";

/** In seconds. */
const INTERVAL = 1;
/**
 * How long a value may be shown to those who come later, in seconds: of a disk that was unplugged,
 * nobody shall hear any more.
 */
const LIFETIME = 5;

const sensors = machineSensors();
const readable = new Set<string>();

connectToHub();

const telemetry = new Service<Telemetry>("telemetry", {
  groups: ["gateway"],
  methods: {
    sources: async () => {
      await started;
      const names = sensors.map(({ name }) => name);
      return {
        readable: names.filter((name) => readable.has(name)),
        missing: names.filter((name) => !readable.has(name)),
      };
    },
  },
});

let busy = false;
// Rates need two readings: the first two follow each other closely.
const started = measure()
  .then(() => sleep(100))
  .then(measure);
let last = started;
const timer = setInterval(() => {
  // What takes longer than the interval, a slow disk perhaps, must not pile up.
  if (!busy) last = measure();
}, INTERVAL * 1000);

endWhenTold(async () => {
  clearInterval(timer);
  await started;
  await last;
  telemetry.close();
});

async function measure(): Promise<void> {
  busy = true;
  for (const sensor of sensors) {
    const values = await sensor.read();
    if (values.size > 0) readable.add(sensor.name);
    for (const [subject, value] of values) {
      // The sensors make the subjects that the contract promises.
      telemetry.publish(subject as keyof Telemetry["reports"], value, { lifetime: LIFETIME });
      counted.published += 1;
    }
  }
  busy = false;
}
