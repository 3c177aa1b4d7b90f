// The hub: everybody connects to it, and it passes on what the others say to each other. These few
// lines could as well be part of any other program.

import { EXCHANGE_SERVER, Exchange, Service } from "netsvc";
import { hubPort } from "./connection.js";
import type { Hub } from "./hub-api.js";
import { endWhenTold } from "./life.js";

const hub = new Exchange(EXCHANGE_SERVER);

// A hub is a process like any other: it may have services of its own.
const service = new Service<Hub>("hub", {
  groups: ["gateway"],
  methods: { clients: () => hub.links.map((link) => link.peer?.label ?? "") },
});

endWhenTold(() => service.close());

try {
  await hub.listen(hubPort());
} catch (error) {
  // The port was free when the starter looked. It will start us again, and again.
  console.error(`hub: cannot listen: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}
