// An application that is slow to take what it is told.
// Promise 15 (a request ends by its deadline at the latest).

import { Registry, RequestError, Service } from "netsvc";
import { expect, it } from "vitest";

const REPORTS = 1000;

it("is kept although reports wait that came before, in any number (15)", async () => {
  const registry = new Registry({ log: "off" });
  const service = new Service("slow", {
    ...{ registry, methods: { never: () => new Promise(() => {}) } },
  });
  let told = 0;
  registry.subscribe("slow", "*", () => {
    told += 1;
    const until = performance.now() + 1;
    while (performance.now() < until);
  });
  const call = registry.service("slow").call("never", [], { timeout: 0.05 });
  for (let n = 0; n < REPORTS; n++) service.publish("n", n);
  const error = await call.catch((error) => error);
  expect(error).toBeInstanceOf(RequestError);
  expect(error).toMatchObject({ code: "deadline", delivered: "unknown" });
  // To tell them all takes twenty times as long.
  expect(told).toBeLessThan(REPORTS);
  await registry.close({ drain: 0 });
});
