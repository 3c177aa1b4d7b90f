// A hub, with a sensor that has a value, and a scanner of the bus.

import { EXCHANGE_SERVER, Exchange, Registry, Service } from "netsvc";

const registry = new Registry({ label: "gateway" });
const thermometer = new Service("thermometer", { registry, groups: ["sensors"] });
thermometer.publish("temperature.kitchen", 21.5, { lifetime: Number.POSITIVE_INFINITY });
new Service("modbus", { registry, methods: { scan: () => [3, 17] } });
await new Exchange(EXCHANGE_SERVER, { registry }).listen(11111);
