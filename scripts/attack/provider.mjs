// The good provider: `provider.mjs PORT`. Says on stderr when it is thrown out.

import { EXCHANGE_CLIENT, Exchange, Registry, Service } from "../../dist/index.js";

const registry = new Registry({ label: "provider", log: "off" });
const exchange = new Exchange(EXCHANGE_CLIENT, { registry });
exchange.on("inactive", ({ reason }) => console.error(reason?.message ?? "without a reason"));
exchange.connect("127.0.0.1", Number(process.argv[2]));

const gauge = new Service("gauge", {
  registry,
  methods: {
    echo: (_, value) => value,
    /** Takes a place until its caller gives up. */
    hold: ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    blob: (_, bytes) => new Uint8Array(Number(bytes)),
  },
});
for (let n = 0; n < 256; n++) {
  gauge.publish(`kept.${n}`, new Uint8Array(1000), { lifetime: Infinity });
}
let ticks = 0;
setInterval(() => gauge.publish("tick", ++ticks), 10);
