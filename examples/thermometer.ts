// A service: answers requests, and publishes a report every second.

import { EXCHANGE_CLIENT, Exchange, Service, ServiceFailure } from "netsvc";
import type { Thermometer } from "./thermometer-api.js";

const exchange = new Exchange(EXCHANGE_CLIENT);
exchange.connect("localhost", Number(process.argv[2] ?? 11111));

let celsius = 21.5;

const thermometer = new Service<Thermometer>("thermometer", {
  groups: ["sensors"],
  methods: {
    read: (_context, unit = "C") => {
      if (unit === "C") return celsius;
      if (unit === "F") return celsius * 1.8 + 32;
      // Types are a contract, not checked at run time: a user may ask for anything.
      throw new ServiceFailure("unknown-unit", `there is no unit ${unit}`);
    },
  },
});

setInterval(() => {
  celsius += Math.random() - 0.5;
  // Whoever subscribes within a minute gets this value at once.
  thermometer.publish("temperature.kitchen", celsius, { lifetime: 60 });
}, 1000);
