// A hub that wants to know of alarms.

import { EXCHANGE_SERVER, Exchange, Registry } from "netsvc";

const registry = new Registry({ label: "gateway" });
registry.subscribe("alarms", "*", () => {});
await new Exchange(EXCHANGE_SERVER, { registry }).listen(11111);
