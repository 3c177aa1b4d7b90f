// Shows who joins and leaves a group of services, which whoever dies or is out of reach does, too.
// Kill the thermometer, or the hub, and start it again.

import { EXCHANGE_CLIENT, Exchange, registry } from "netsvc";

const exchange = new Exchange(EXCHANGE_CLIENT);
exchange.connect("localhost", Number(process.argv[2] ?? 11111));

for await (const { status, service } of registry.watch({ group: "sensors" })) {
  // "current" is about no service: everybody who was there already has been told.
  const aboutService = service.name !== "";
  console.log(aboutService ? `${status} ${service.name} of ${service.label}` : status);
}
