// Calls a method of the thermometer, whether it is there already or comes within ten seconds.

import { EXCHANGE_CLIENT, Exchange, RequestError, registry } from "netsvc";
import type { Thermometer } from "./thermometer-api.js";

// Closed at the end of this file, after which nothing keeps the process alive.
await using exchange = new Exchange(EXCHANGE_CLIENT);
exchange.connect("localhost", Number(process.argv[2] ?? 11111));

const thermometer = await registry.waitFor<Thermometer>("thermometer", { timeout: 10 });
console.log(`${await thermometer.methods.read("C")} °C`);

try {
  const fahrenheit = await thermometer.call("read", ["F"], { timeout: 1 });
  console.log(`${fahrenheit} °F`);
} catch (error) {
  if (!(error instanceof RequestError)) throw error;
  console.log(`no answer: ${error.code}; did the thermometer get it? ${error.delivered}`);
}
