// Shows the reports of every thermometer, now and later: first the last values, then each new one.

import { EXCHANGE_CLIENT, Exchange, registry } from "netsvc";
import type { Thermometer } from "./thermometer-api.js";

const exchange = new Exchange(EXCHANGE_CLIENT);
exchange.connect("localhost", Number(process.argv[2] ?? 11111));

for await (const report of registry.subscribe<Thermometer>("thermometer", "temperature.*")) {
  const kept = report.replayed ? " (kept)" : "";
  console.log(`${report.subject}: ${report.content.toFixed(1)} °C${kept}`);
}
