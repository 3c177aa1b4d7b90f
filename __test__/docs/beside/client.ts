// A client that wants to join.

import { EXCHANGE_CLIENT, Exchange, Registry } from "netsvc";

const registry = new Registry({ label: "panel" });
new Exchange(EXCHANGE_CLIENT, { registry }).connect("127.0.0.1", 11111, 0.1);
