// The option `context` of a service, which is code of the application and may do anything.

import { AsyncLocalStorage } from "node:async_hooks";
import { expect, it, onTestFinished } from "vitest";
import { Service, type ServiceOptions } from "../../ts/service.js";
import type { Untyped } from "../../ts/types.js";
import { rejection, within } from "../helpers/eventually.js";
import { fakeRegistry } from "../helpers/fake-native.js";

type Context = NonNullable<ServiceOptions<Untyped>["context"]>;

function setUp(context: Context, handler: () => unknown = () => "result") {
  const { registry } = fakeRegistry();
  onTestFinished(() => registry.close());
  let runs = 0;
  const methods = {
    read() {
      runs += 1;
      return handler();
    },
  };
  new Service("s", { registry, context, methods });
  return { remote: registry.service("s"), runs: () => runs };
}

it("is a snapshot, or a function that gets the call", async () => {
  const store = new AsyncLocalStorage<string>();
  const snapshot = store.run("given", () => AsyncLocalStorage.snapshot());
  const given = setUp(snapshot, () => store.getStore());
  expect(await given.remote.call("read")).toBe("given");
  const named = setUp(
    (run, { method }) => store.run(method, run),
    async () => store.getStore(),
  );
  expect(await named.remote.call("read")).toBe("read");
});

const failing: Array<[string, Context, string]> = [
  ["does not run the handler", () => {}, "the option context of s did not run the handler at once"],
  [
    "throws before",
    () => {
      throw new Error("on purpose");
    },
    "on purpose",
  ],
  [
    "runs it later, and rejects",
    async (run, call) => {
      await undefined;
      run(call);
      throw new Error("later");
    },
    "the option context of s did not run the handler at once",
  ],
];
it.each(failing)("that %s fails the call, once", async (_, context, message) => {
  const { remote, runs } = setUp(context);
  expect(await rejection(remote.call("read"))).toMatchObject({ code: "error", message });
  await new Promise((resolve) => setImmediate(resolve));
  expect(runs()).toBe(0);
});

const harmless: Array<[string, Context]> = [
  ["runs it twice", (run, call) => [run(call), run(call)]],
  [
    "throws afterwards",
    (run, call) => {
      run(call);
      throw new Error("on purpose");
    },
  ],
  ["rejects", (run, call) => Promise.reject(run(call))],
];
it.each(harmless)("that %s changes nothing of the outcome", async (_, context) => {
  const { remote, runs } = setUp(context);
  expect(await within(remote.call("read"))).toBe("result");
  expect(runs()).toBe(1);
});

it("has to be a function", () => {
  expect(() => setUp("given" as never)).toThrow(TypeError);
});
