// A hub, and a service that goes while it does what it is asked for the first time.

import { EXCHANGE_SERVER, Exchange, Registry, Service } from "netsvc";

const registry = new Registry({ label: "gateway" });
const first = new Service("relay", {
  registry,
  methods: {
    set: () => {
      first.close();
      new Service("relay", { registry, methods: { set: (_, on) => (on ? "on" : "off") } });
    },
  },
});
await new Exchange(EXCHANGE_SERVER, { registry }).listen(11111);
