// A hub, and an archive that goes away while it takes the first record.

import { EXCHANGE_SERVER, Exchange, Registry, Service } from "netsvc";

const registry = new Registry({ label: "gateway" });
const known = new Set<unknown>();
const take = (_: unknown, id: unknown) => {
  known.add(id);
};
const first = new Service("archive", {
  registry,
  methods: {
    take: () => {
      first.close();
      new Service("archive", { registry, methods: { take } });
    },
  },
});
await new Exchange(EXCHANGE_SERVER, { registry }).listen(11111);
