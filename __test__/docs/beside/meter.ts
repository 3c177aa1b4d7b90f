// A hub, and the service that is asked.

import { EXCHANGE_SERVER, Exchange, Registry, Service } from "netsvc";

const registry = new Registry({ label: "gateway" });
new Service("meter", { registry, groups: ["energy"], methods: { total: () => 1234.5 } });
await new Exchange(EXCHANGE_SERVER, { registry }).listen(11111);
