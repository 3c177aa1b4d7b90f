// Checked by tsc (npm run lint); at run time these expectations do nothing.

import {
  type Context,
  EXCHANGE_CLIENT,
  EXCHANGE_SERVER,
  Exchange,
  type Link,
  type RemoteService,
  type RemoteStream,
  type Report,
  registry,
  Service,
  type ServiceInfo,
  type Subscription,
  type TcpAddress,
  type UnixAddress,
} from "netsvc";
import { describe, expectTypeOf, it } from "vitest";

interface Thermometer {
  methods: {
    read(unit?: "C" | "F"): number;
    calibrate(offset: number, at: Date): Promise<void>;
    history(hours: number): AsyncIterable<number>;
  };
  reports: {
    [subject: `temperature.${string}`]: number;
    status: { ok: boolean };
  };
}

async function* history() {
  yield 1;
}

/** Types are checked without running anything. */
function never(_: () => unknown): void {}

describe("a contract", () => {
  it("types calls", () => {
    never(() => {
      const remote = registry.service<Thermometer>("thermometer");
      expectTypeOf(remote).toEqualTypeOf<RemoteService<Thermometer>>();
      expectTypeOf(remote.methods.read).toEqualTypeOf<(unit?: "C" | "F") => Promise<number>>();
      expectTypeOf(remote.methods.calibrate).returns.toEqualTypeOf<Promise<void>>();
      expectTypeOf(remote.call("read")).toEqualTypeOf<Promise<number>>();
      expectTypeOf(remote.call("read", ["C"], { timeout: 1, wait: true })).resolves.toBeNumber();
      expectTypeOf(remote.call("calibrate", [1, new Date()])).resolves.toBeVoid();
      // @ts-expect-error: it streams its result
      remote.call("history", [1]);
      // @ts-expect-error: it streams its result
      remote.methods.history(1);
      // @ts-expect-error: no such unit
      remote.methods.read("K");
      // @ts-expect-error: no such method
      remote.methods.write();
      // @ts-expect-error: its arguments are missing
      remote.call("calibrate");
      // @ts-expect-error: no such method
      remote.call("write");
      // @ts-expect-error: wrong arguments
      remote.call("read", [5]);
    });
  });

  it("types streams", () => {
    never(async () => {
      const remote = registry.service<Thermometer>("thermometer");
      expectTypeOf(remote.streams.history).toEqualTypeOf<(hours: number) => RemoteStream<number>>();
      for await (const value of remote.streams.history(24)) expectTypeOf(value).toBeNumber();
      const options = { timeout: 2, signal: AbortSignal.abort(), wait: true, credit: 4 };
      expectTypeOf(remote.stream("history", [1], options)).toEqualTypeOf<RemoteStream<number>>();
      // Of a plain method: its result, once.
      expectTypeOf(remote.stream("read")).toEqualTypeOf<RemoteStream<number>>();
      expectTypeOf(remote.stream("calibrate", [1, new Date()])).toEqualTypeOf<RemoteStream<void>>();
      // @ts-expect-error: its arguments are missing
      remote.stream("history");
      // @ts-expect-error: wrong arguments
      remote.streams.history("a day");
      // @ts-expect-error: its result comes in one piece
      remote.streams.read();
      // @ts-expect-error: no such method
      remote.streams.write();

      interface Odd {
        // biome-ignore lint/suspicious/noExplicitAny: applications write it
        methods: { fail(): never; any(): any; later(): Promise<AsyncGenerator<string>> };
      }
      const odd = registry.service<Odd>("odd");
      expectTypeOf(odd.call("fail")).resolves.toBeNever();
      expectTypeOf(odd.call("any")).resolves.toBeAny();
      expectTypeOf(odd.streams.later()).toEqualTypeOf<RemoteStream<string>>();
      // @ts-expect-error: it streams its result
      odd.call("later");
    });
  });

  it("types handlers", () => {
    never(() => {
      new Service<Thermometer>("thermometer", {
        methods: {
          read: async (ctx, unit = "C") => {
            expectTypeOf(ctx).toEqualTypeOf<Context>();
            expectTypeOf(unit).toEqualTypeOf<"C" | "F">();
            return 21;
          },
          calibrate: (_, offset, at) => {
            expectTypeOf(offset).toBeNumber();
            expectTypeOf(at).toEqualTypeOf<Date>();
          },
          async *history(ctx, hours) {
            expectTypeOf(ctx).toEqualTypeOf<Context>();
            expectTypeOf(hours).toBeNumber();
            yield 1;
          },
        },
      });
      // @ts-expect-error: methods are missing
      new Service<Thermometer>("thermometer");
      // @ts-expect-error: a method is missing
      new Service<Thermometer>("thermometer", { methods: { read: () => 1 } });
      new Service<Thermometer>("thermometer", {
        // @ts-expect-error: wrong result
        methods: { read: () => "warm", calibrate: () => {}, history },
      });
      new Service<Thermometer>("thermometer", {
        methods: {
          read: () => 1,
          calibrate: () => {},
          // @ts-expect-error: wrong parts
          async *history() {
            yield "warm";
          },
        },
      });
      new Service<Thermometer>("thermometer", {
        // An AsyncIterable may come later, too.
        methods: { read: () => 1, calibrate: () => {}, history: async () => history() },
      });
    });
  });

  it("types reports", () => {
    never(() => {
      const service = new Service<Thermometer>("t", {
        methods: { read: () => 1, calibrate: () => {}, history },
      });
      service.publish("status", { ok: true }, { to: "cd".repeat(16) });
      service.on("subscribed", (subscriber) => {
        expectTypeOf(subscriber.label).toBeString();
        service.publish("status", { ok: true }, { to: subscriber });
      });
      // @ts-expect-error: nobody to send it to
      service.publish("status", { ok: true }, { to: 5 });
      service.publish("temperature.kitchen", 21.5, { lifetime: 60 });
      service.publish("status", { ok: true });
      // @ts-expect-error: no such subject
      service.publish("humidity", 1);
      // @ts-expect-error: wrong content
      service.publish("temperature.kitchen", "warm");

      const reports = registry.subscribe<Thermometer>("thermometer", "temperature.*");
      type Any = Report<`temperature.${string}`, number> | Report<"status", { ok: boolean }>;
      expectTypeOf(reports).toEqualTypeOf<Subscription<Any>>();
      expectTypeOf(reports.publishers).toEqualTypeOf<readonly ServiceInfo[]>();
      registry.subscribe<Thermometer>("thermometer", "*", { policy: "latest" });
      // @ts-expect-error: no such policy
      registry.subscribe("thermometer", "*", { policy: "newest" });
      registry.subscribe<Thermometer>("thermometer", "*", (report) => {
        expectTypeOf(report).toEqualTypeOf<Any>();
        if (report.subject === "status") expectTypeOf(report.content.ok).toBeBoolean();
        else expectTypeOf(report.content).toBeNumber();
      });
    });
  });

  it("may leave out methods or reports", () => {
    never(() => {
      new Service<{ reports: { a: number } }>("x").publish("a", 1);
      new Service<{ methods: { f(): void } }>("x", { methods: { f: () => {} } });
      const remote = registry.service<{ reports: { a: number } }>("x");
      // @ts-expect-error: it has no methods
      remote.call("f");
    });
  });
});

describe("without a contract", () => {
  it("everything is unknown", () => {
    never(async () => {
      const remote = await registry.waitFor("x");
      expectTypeOf(remote.call("anything", [1, "a"])).resolves.toBeUnknown();
      expectTypeOf(remote.methods.anything?.(1)).resolves.toBeUnknown();
      expectTypeOf(remote.stream("anything", [1])).toEqualTypeOf<RemoteStream<unknown>>();
      for await (const part of remote.streams.anything?.() ?? []) expectTypeOf(part).toBeUnknown();
      const service = new Service("x", {
        methods: {
          f: (ctx, value) => {
            expectTypeOf(ctx.signal).toEqualTypeOf<AbortSignal>();
            expectTypeOf(value).toBeUnknown();
          },
        },
      });
      expectTypeOf(service.publish("s", 1)).toBeBoolean();
      new Service("x");
      for await (const report of registry.subscribe("x")) {
        expectTypeOf(report.subject).toBeString();
        expectTypeOf(report.content).toBeUnknown();
      }
      for await (const change of registry.watch({ group: "sensors" })) {
        expectTypeOf(change.service.name).toBeString();
      }
    });
  });
});

describe("an exchange", () => {
  it("has the overloads of the manual", () => {
    never(() => {
      const exchange = new Exchange(EXCHANGE_CLIENT);
      new Exchange(EXCHANGE_CLIENT, "group", { registry });
      expectTypeOf(exchange.connect("localhost", 11111, 5)).toEqualTypeOf<Link>();
      expectTypeOf(exchange.connect({ path: "/x" })).toEqualTypeOf<Link>();
      expectTypeOf(exchange.listen(0, { host: "0.0.0.0" })).resolves.toEqualTypeOf<TcpAddress>();
      expectTypeOf(exchange.listen({ path: "/x" })).resolves.toEqualTypeOf<UnixAddress>();
      exchange.on("attemptFailed", ({ reason, retryIn }) => {
        expectTypeOf(reason?.code).toExtend<string | undefined>();
        expectTypeOf(retryIn).toEqualTypeOf<number | undefined>();
      });
      new Exchange(EXCHANGE_SERVER, {
        authorise: async ({ address, process, label, attempt }) => {
          expectTypeOf([address, process, label]).toEqualTypeOf<string[]>();
          expectTypeOf(attempt).toBeNumber();
          return true;
        },
      });
      new Exchange(EXCHANGE_SERVER, { authorise: ({ label }) => label === "pump" });
      // @ts-expect-error: neither accepts nor refuses
      new Exchange(EXCHANGE_SERVER, { authorise: () => "yes" });
      // @ts-expect-error: forgets to answer
      new Exchange(EXCHANGE_SERVER, { authorise: () => {} });
      // @ts-expect-error: there is no event error
      exchange.on("error", () => {});
    });
  });
});
