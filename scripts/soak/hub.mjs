// The hub under chaos: `hub.mjs PORT`.

import { EXCHANGE_SERVER, Exchange, Registry } from "../../dist/index.js";

const registry = new Registry({ label: "hub", log: "off" });
const hub = new Exchange(EXCHANGE_SERVER, {
  ...{ registry, log: "off" },
  heartbeat: { interval: 0.5, dead: 1.5 },
});
await hub.listen(Number(process.argv[2]), { host: "127.0.0.1", tcpOnly: true });
process.once("SIGTERM", () => void registry.close({ drain: 0.2 }).then(() => process.exit()));
console.log("listening");
