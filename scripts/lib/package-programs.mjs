// Programs of a user, for scripts/package-check.mjs and scripts/package-matrix.mjs.

/** A hub with a service; ends by itself when a client has been there. */
export const HUB = `
import { Exchange, EXCHANGE_SERVER, Service } from "netsvc";

const hub = new Exchange(EXCHANGE_SERVER);
const service = new Service("echo", { methods: { echo: (_, what) => what } });
service.publish("kept", { bytes: new Uint8Array([1, 2, 3]) }, { lifetime: 60 });
const { port } = await hub.listen(0);
hub.on("inactive", async () => {
  service.close();
  await hub.close();
});
console.log("port " + port);
`;

/**
 * Asks it, hears it, and ends. Its second argument is the mode of reading sockets that there must
 * be: other runtimes have something else by the name of libuv, which nothing may touch.
 */
export const CLIENT = `
import { Exchange, EXCHANGE_CLIENT, registry } from "netsvc";

const exchange = new Exchange(EXCHANGE_CLIENT);
exchange.connect("127.0.0.1", Number(process.argv[2]));
const echo = await registry.waitFor("echo", { timeout: 20 });
for (let n = 0; n < 100; n += 1)
  if ((await echo.call("echo", [n])) !== n) throw new Error("another answer");
for await (const { content } of registry.subscribe("echo", "kept")) {
  if (content.bytes.length !== 3 || content.bytes[2] !== 3) throw new Error("another content");
  break;
}
if (registry.io !== process.argv[3]) throw new Error("sockets are read by " + registry.io);
console.log("all there");
await exchange.close();
`;

/** Both ways to the package lead to the same objects, and to one addon. */
export const SAME = `
const required = require("netsvc");
import("netsvc").then((imported) => {
  const names = Object.keys(required);
  if (names.length < 4) throw new Error("netsvc exports " + names);
  if (String(names) !== String(Object.keys(imported))) throw new Error("other names by import");
  for (const name of names)
    if (imported[name] !== required[name]) throw new Error(name + " exists twice");
  if (imported.registry.id !== required.registry.id) throw new Error("there are two registries");
  const addons = Object.keys(require.cache).filter((path) => path.endsWith(".node"));
  if (addons.length > 1) throw new Error("addons were loaded: " + addons);
  console.log("same");
  process.exit();
});
`;
