// The embedded hub that is attacked: `hub.mjs SOCKET`. It has two exchange groups in one registry,
// the second of which takes its time to say who may be linked.

import { EXCHANGE_SERVER, Exchange, Registry } from "../../dist/index.js";

const [path = ""] = process.argv.slice(2);
const registry = new Registry({ label: "hub", log: "off" });
const hub = new Exchange(EXCHANGE_SERVER, { registry });
await hub.listen({ path });
const { port } = await hub.listen(0, { host: "127.0.0.1" });

const other = new Exchange(EXCHANGE_SERVER, {
  registry,
  group: "other",
  authorise: () => new Promise((resolve) => setTimeout(resolve, 2000, true)),
});
const { port: otherPort } = await other.listen(0, { host: "127.0.0.1" });

console.error(`127.0.0.1:${port} 127.0.0.1:${otherPort}`);
