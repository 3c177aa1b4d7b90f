// A hub that does nothing else.

import { EXCHANGE_SERVER, Exchange, Registry } from "netsvc";

const registry = new Registry({ label: "gateway" });
await new Exchange(EXCHANGE_SERVER, { registry }).listen(11111);
