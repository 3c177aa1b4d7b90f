import { describe, expect, it, onTestFinished } from "vitest";
import { ClosedError, ExchangeError, LinkError, ListenError } from "../../ts/errors.js";
import {
  EXCHANGE_CLIENT,
  EXCHANGE_SERVER,
  Exchange,
  type ExchangeOptions,
} from "../../ts/exchange.js";
import type { LinkEvent } from "../../ts/link-event.js";
import { eventually, rejection, within } from "../helpers/eventually.js";
import { packTexts } from "../helpers/fake-deliveries.js";
import { type FakeRegistry, fakeRegistry, nativeError } from "../helpers/fake-native.js";

function setUp(role: 0 | 1 = EXCHANGE_CLIENT, options: ExchangeOptions = {}) {
  const fake = fakeRegistry();
  onTestFinished(() => fake.registry.close());
  const exchange = new Exchange(role, { registry: fake.registry, ...options });
  const number = Math.max(...fake.native.exchanges);
  return { ...fake, exchange, number };
}

function last(native: FakeRegistry, name: string): readonly unknown[] {
  const seen = native.seen.findLast(([each]) => each === name);
  if (seen === undefined) throw new Error(`no ${name}`);
  return seen.slice(1);
}

function records(exchange: Exchange): Array<[string, LinkEvent]> {
  const events: Array<[string, LinkEvent]> = [];
  for (const name of ["active", "inactive", "attemptFailed"] as const) {
    exchange.on(name, (event) => events.push([name, event]));
  }
  return events;
}

describe("the constructor", () => {
  it("takes a group as second argument or as option", () => {
    const { registry, native } = setUp();
    new Exchange(EXCHANGE_SERVER, "back", { registry });
    expect(last(native, "createExchange")).toEqual([1, "back", 5000, 15_000, false]);
    new Exchange(EXCHANGE_CLIENT, { registry, group: "g", heartbeat: { interval: 1 } });
    expect(last(native, "createExchange")).toEqual([0, "g", 1000, 3000, false]);
  });

  it("refuses what makes no sense", () => {
    const { registry } = setUp();
    expect(() => new Exchange(2 as never, { registry })).toThrow(RangeError);
    expect(() => new Exchange(EXCHANGE_CLIENT, "x".repeat(256), { registry })).toThrow(RangeError);
    for (const heartbeat of [{ interval: 0 }, { interval: 10, dead: 10 }, { dead: Number.NaN }]) {
      expect(() => new Exchange(EXCHANGE_CLIENT, { registry, heartbeat })).toThrow(RangeError);
    }
  });

  it("throws the native side's refusals as errors of the API", () => {
    const { registry, native } = setUp();
    native.failure = nativeError("exchange-exists", "there is one");
    let thrown: unknown;
    try {
      new Exchange(EXCHANGE_CLIENT, { registry });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ExchangeError);
    expect(thrown).toMatchObject({
      name: "ExchangeError",
      code: "exchange-exists",
      message: "there is one",
    });
  });
});

describe("connect", () => {
  it.each([
    [[5], 5],
    [[0.001], 0.01],
    [[-1], -1],
    [[], -2],
    [[undefined], -2],
  ])("takes retry %j", (retry, native) => {
    const { exchange, native: fake, number } = setUp();
    exchange.connect("hub", 11111, ...(retry as [number?]));
    expect(last(fake, "connect")).toEqual([
      number,
      { host: "hub", port: 11111, tcpOnly: false, retry: native },
    ]);
  });

  it("refuses other values of retry, ports and hosts", () => {
    const { exchange } = setUp();
    for (const retry of [0, -2, -0.5, Number.NaN, Number.POSITIVE_INFINITY, "5", null]) {
      expect(() => exchange.connect("hub", 1, retry as number)).toThrow(RangeError);
    }
    for (const port of [0, -1, 65_536, 1.5, Number.NaN, "80"]) {
      expect(() => exchange.connect("hub", port as number)).toThrow(RangeError);
    }
    expect(() => exchange.connect("", 1)).toThrow(RangeError);
    expect(() => exchange.connect({})).toThrow(TypeError);
    expect(() => exchange.connect({ path: "/x", port: 1 })).toThrow(TypeError);
  });

  it("names the unit where milliseconds were meant", () => {
    const { exchange, registry } = setUp();
    const text = "retry is in seconds: 5000 is above the maximum of 300 (for 5000 ms write 5)";
    expect(() => exchange.connect("hub", 1, 5000)).toThrow(text);
    expect(() => exchange.connect("hub", 1, 5000)).toThrow(RangeError);
    expect(() => exchange.connect({ port: 1, retry: 300.5 })).toThrow("maxRetry");
    exchange.connect("hub", 1, 300);
    const made = (heartbeat: object) => () =>
      new Exchange(EXCHANGE_CLIENT, { registry, group: "g", heartbeat });
    expect(made({ interval: 2500 })).toThrow("for 2500 ms write 2.5");
    for (const dead of [15_000, 5000, 500, 301]) {
      expect(made({ dead })).toThrow("heartbeat.dead is in seconds");
    }
    expect(made({ interval: 200, dead: 601 })).toThrow("heartbeat.dead is in seconds");
    new Exchange(EXCHANGE_CLIENT, { registry, group: "h", heartbeat: { interval: 200 } });
    new Exchange(EXCHANGE_CLIENT, { registry, group: "i", heartbeat: { dead: 300 } });
    expect(() => exchange.close({ drain: 1000 })).toThrow("drain is in seconds");
  });

  it("takes a longer retry with maxRetry", () => {
    const { registry, native } = fakeRegistry({ maxRetry: 3600 });
    onTestFinished(() => registry.close());
    const exchange = new Exchange(EXCHANGE_CLIENT, { registry });
    exchange.connect("hub", 1, 3600);
    expect(last(native, "connect")[1]).toMatchObject({ retry: 3600 });
    expect(() => exchange.connect("hub", 1, 3601)).toThrow("above the maximum of 3600");
  });

  it.each([
    ["[::1]", "::1"],
    ["::1", "::1"],
    ["[fe80::1%eth0]", "fe80::1%eth0"],
    ["hub.local", "hub.local"],
  ])("takes the host %s", (host, bare) => {
    const client = setUp();
    client.exchange.connect(host, 1);
    expect(last(client.native, "connect")[1]).toMatchObject({ host: bare });
    const server = setUp(EXCHANGE_SERVER);
    // It is closed before anything listens.
    server.exchange.listen(0, { host: ["127.0.0.1", host] }).catch(() => {});
    expect(last(server.native, "listen")[1]).toMatchObject({ hosts: ["127.0.0.1", bare] });
  });

  it("refuses as a host what has a port or a scheme with it", async () => {
    const hosts = ["hub:80", "[::1]:80", "tcp://hub", "[hub]", "[127.0.0.1]", "[]", "[::1", "::1]"];
    for (const host of hosts) {
      const { exchange } = setUp();
      expect(() => exchange.connect(host, 1)).toThrow("without a port");
      const server = setUp(EXCHANGE_SERVER);
      await expect(server.exchange.listen(0, { host })).rejects.toThrow(RangeError);
    }
  });

  it("takes an object, with a path for a Unix socket", () => {
    const { exchange, native, number } = setUp();
    exchange.connect({ path: "/run/hub.sock", retry: 1 });
    expect(last(native, "connect")).toEqual([number, { path: "/run/hub.sock", retry: 1 }]);
  });

  it("closes the link when its signal aborts", async () => {
    const { exchange, native } = setUp();
    const controller = new AbortController();
    exchange.connect("hub", 1, 1, { signal: controller.signal });
    controller.abort();
    expect(last(native, "closeLink")[1]).toBe(0);
  });
});

describe("a link", () => {
  it("is ready while active, and again after the next activation", async () => {
    const { exchange, native, number } = setUp();
    const link = exchange.connect("hub", 1);
    const id = number + 1;
    expect(link.state).toBe("connecting");
    const first = link.ready;
    native.link(2, number, id, { reason: 17, retryMs: 100_000 });
    await eventually(() => link.state === "waiting");
    expect(link.reason).toMatchObject({ name: "LinkError", code: "connect-failed" });
    native.link(0, number, id, { attempt: 2 });
    await within(first);
    expect(link).toMatchObject({ state: "active", attempt: 2 });
    expect(link.peer).toEqual({
      process: "cd".repeat(16),
      label: "hub:1",
      address: "127.0.0.1:11111",
    });
    await within(link.ready);
    native.link(1, number, id, { reason: 4, retryMs: 1 });
    await eventually(() => link.state === "connecting");
    const again = link.ready;
    native.link(0, number, id);
    await within(again);
  });

  it("rejects ready only when closed for good, with the last reason, and never unhandled", async () => {
    const { exchange, native, number } = setUp();
    const link = exchange.connect("hub", 1, -1);
    const ready = link.ready;
    void link.ready;
    native.link(2, number, number + 1, { reason: 17, texts: ["", "", "", "refused"] });
    native.link(3, number, number + 1, { reason: 17, texts: ["", "", "", "refused"] });
    const error = await rejection(ready);
    expect(error).toBeInstanceOf(LinkError);
    expect(error).toMatchObject({
      code: "closed",
      cause: { code: "connect-failed", message: "refused" },
    });
    expect(link.state).toBe("closed");
    expect(await rejection(link.ready)).toMatchObject({ code: "closed" });
    // An unhandled rejection would fail the run.
    void link.ready;
    await new Promise((resolve) => setImmediate(resolve));
  });

  it("closes once, and keeps the process alive until then", async () => {
    const { exchange, native, number, environment } = setUp();
    const link = exchange.connect("hub", 1);
    expect(environment.held).toBe(true);
    const closed = Promise.all([link.close({ drain: 0.5 }), link.close()]);
    expect(native.seen.filter(([name]) => name === "closeLink")).toHaveLength(1);
    expect(last(native, "closeLink")).toEqual([number + 1, 500]);
    native.link(3, number, number + 1, { reason: 1 });
    await within(closed);
    expect(environment.held).toBe(false);
    expect(exchange.links).toEqual([]);
    await within(link.close());
    expect(() => link.close({ drain: -1 })).toThrow(RangeError);
  });

  it("does not keep the process alive after unref, but ready does", async () => {
    const { exchange, native, number, environment } = setUp();
    const link = exchange.connect("hub", 1);
    exchange.unref();
    expect(environment.held).toBe(false);
    const ready = link.ready;
    expect(environment.held).toBe(true);
    native.link(0, number, number + 1);
    await within(ready);
    expect(environment.held).toBe(false);
    exchange.ref();
    expect(environment.held).toBe(true);
  });
});

describe("events", () => {
  it("tell what happened, with the link, peer, reason, attempt and retry", async () => {
    const { exchange, native, number } = setUp();
    const link = exchange.connect("hub", 1);
    const events = records(exchange);
    native.link(2, number, number + 1, {
      ...{ reason: 16, retryMs: 250, texts: ["", "", "", "no such host"] },
    });
    native.link(0, number, number + 1, { attempt: 2 });
    native.link(1, number, number + 1, { reason: 3, retryMs: 100 });
    native.link(3, number, number + 1, { reason: 1 });
    await eventually(() => link.state === "closed");
    expect(events.map(([name]) => name)).toEqual(["attemptFailed", "active", "inactive"]);
    const [failed, active, inactive] = events.map(([, event]) => event);
    expect(failed).toMatchObject({ link, attempt: 1, retryIn: 0.25, peer: undefined });
    expect(failed?.reason).toMatchObject({ code: "resolve-failed", message: "no such host" });
    expect(active).toMatchObject({ link, attempt: 2, reason: undefined, retryIn: undefined });
    expect(active?.peer?.label).toBe("hub:1");
    expect(inactive).toMatchObject({ reason: { code: "connection-lost" }, retryIn: 0.1 });
  });

  it("at a server come with a link for each connection, which ends with it", async () => {
    const { exchange, native, number, environment } = setUp(EXCHANGE_SERVER);
    const events = records(exchange);
    native.link(0, number, 50);
    await eventually(() => events.length === 1);
    expect(exchange.links).toHaveLength(1);
    expect(environment.held).toBe(true);
    const link = exchange.links[0];
    native.link(1, number, 50, { reason: 2 });
    native.link(2, number, 51, { reason: 32 });
    await eventually(() => events.length === 3);
    expect(exchange.links).toEqual([]);
    expect(link?.state).toBe("closed");
    expect(environment.held).toBe(false);
    expect(events.at(-1)?.[1].reason?.code).toBe("protocol");
  });

  it("can be taken back, or heard once; a listener that throws harms nobody", async () => {
    const errors: unknown[] = [];
    const { exchange, native, number, registry } = setUp();
    registry.on("callbackError", (error) => errors.push(error));
    const heard: string[] = [];
    const off = () => heard.push("off");
    exchange
      .on("active", off)
      .on("active", () => {
        throw new Error("listener");
      })
      .on("active", async () => {
        throw new Error("async listener");
      })
      .once("active", () => heard.push("once"))
      .on("active", () => heard.push("on"))
      .off("active", off)
      .off("inactive", off);
    exchange.connect("hub", 1);
    native.link(0, number, number + 1);
    native.link(0, number, number + 1);
    await eventually(() => errors.length === 4);
    expect(heard).toEqual(["once", "on", "on"]);
    expect(() => exchange.on("active", "x" as never)).toThrow(TypeError);
  });

  it("become warnings of the process when nobody listens to callbackError", async () => {
    const { exchange, native, number } = setUp();
    const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
    exchange.on("active", () => {
      throw new Error("nobody cares");
    });
    exchange.connect("hub", 1);
    native.link(0, number, number + 1);
    const warning = await within(warned);
    expect(warning.name).toBe("NetsvcCallbackWarning");
    expect(warning.message).toContain("nobody cares");
  });
});

describe("listen", () => {
  function bound(native: FakeRegistry, addresses: string[]): void {
    native.deliveries.add([12, Number(last(native, "listen")[2]), 1], packTexts(addresses));
  }

  function refused(native: FakeRegistry, code: string): void {
    native.deliveries.add(
      [12, Number(last(native, "listen")[2]), 0],
      packTexts([code, `it is ${code}`]),
    );
  }

  it("binds both loopbacks by default and keeps the process alive until close", async () => {
    const { exchange, native, environment } = setUp(EXCHANGE_SERVER);
    const listening = exchange.listen(0);
    expect(last(native, "listen")[1]).toEqual({
      ...{ port: 0, hosts: ["127.0.0.1", "::1"] },
      tcpOnly: false,
    });
    bound(native, ["127.0.0.1 4000", "::1 4000"]);
    expect(await within(listening)).toEqual({
      port: 4000,
      host: "127.0.0.1",
      hosts: ["127.0.0.1", "::1"],
    });
    expect(environment.held).toBe(true);
    await within(exchange.close());
    expect(environment.held).toBe(false);
  });

  it("is content with one loopback where there is no other", async () => {
    const { exchange, native } = setUp(EXCHANGE_SERVER);
    const listening = exchange.listen(4000);
    refused(native, "address-not-available");
    await eventually(() => native.seen.filter(([name]) => name === "listen").length === 2);
    expect(last(native, "listen")[1]).toEqual({
      ...{ port: 4000, hosts: ["127.0.0.1"] },
      tcpOnly: false,
    });
    bound(native, ["127.0.0.1 4000"]);
    expect((await within(listening)).hosts).toEqual(["127.0.0.1"]);
  });

  it("binds what it is told", async () => {
    const { exchange, native } = setUp(EXCHANGE_SERVER);
    const wide = exchange.listen(1, { host: "0.0.0.0", tcpOnly: true });
    expect(last(native, "listen")[1]).toEqual({ port: 1, hosts: ["0.0.0.0"], tcpOnly: true });
    bound(native, ["0.0.0.0 1"]);
    await within(wide);
    const path = exchange.listen({ path: "/run/x" });
    expect(last(native, "listen")[1]).toEqual({ path: "/run/x" });
    bound(native, ["/run/x"]);
    expect(await within(path)).toEqual({ path: "/run/x" });
  });

  it("rejects with a typed error and holds nothing then", async () => {
    const { exchange, native, environment } = setUp(EXCHANGE_SERVER);
    const listening = exchange.listen(1, { host: "::1" });
    refused(native, "address-in-use");
    const error = await rejection(listening);
    expect(error).toBeInstanceOf(ListenError);
    expect(error).toMatchObject({ code: "address-in-use", message: "it is address-in-use" });
    expect(environment.held).toBe(false);

    const wrong = exchange.listen(1, { host: "::1" });
    refused(native, "role");
    expect(await rejection(wrong)).toBeInstanceOf(ExchangeError);
    for (const port of [-1, 65_536, 0.5]) {
      expect(await rejection(exchange.listen(port))).toBeInstanceOf(RangeError);
    }
    expect(await rejection(exchange.listen(0, { host: [] }))).toBeInstanceOf(RangeError);
  });
});

describe("flush", () => {
  it.each([
    [0, undefined],
    [1, { name: "LinkError", code: "link-lost" }],
    [2, { name: "TimeoutError", code: "timeout" }],
  ])("settles by result %i", async (result, error) => {
    const { exchange, native, number, environment } = setUp();
    const flushing = exchange.flush({ timeout: 2 });
    expect(last(native, "flush")).toEqual([number, 2000]);
    expect(environment.held).toBe(true);
    native.deliveries.add([9, number + 1, result]);
    if (error === undefined) await within(flushing);
    else expect(await rejection(flushing)).toMatchObject(error);
    expect(environment.held).toBe(false);
  });

  it("ends with its signal", async () => {
    const { exchange, environment } = setUp();
    const controller = new AbortController();
    const flushing = exchange.flush({ signal: controller.signal });
    controller.abort("no time");
    expect(await rejection(flushing)).toMatchObject({ code: "cancelled", cause: "no time" });
    expect(environment.held).toBe(false);
  });
});

describe("close", () => {
  it("is done once, by await using too", async () => {
    const { exchange, native, number } = setUp();
    await within(Promise.all([exchange.close({ drain: 1 }), exchange.close()]));
    expect(native.seen.filter(([name]) => name === "closeExchange")).toHaveLength(1);
    expect(last(native, "closeExchange")).toEqual([number, 1000]);
    await within(exchange[Symbol.asyncDispose]());
    expect(() => exchange.connect("hub", 1)).toThrow(ClosedError);
    expect(await rejection(exchange.listen(0))).toBeInstanceOf(ClosedError);
    expect(await rejection(exchange.flush())).toBeInstanceOf(ClosedError);
  });

  it("of the registry closes exchanges and links and disposes of the native side", async () => {
    const { exchange, registry, native, environment } = setUp();
    const link = exchange.connect("hub", 1);
    const ready = rejection(link.ready);
    await within(Promise.all([registry.close({ drain: 0 }), registry.close()]));
    expect(link.state).toBe("closed");
    expect(await ready).toMatchObject({ code: "closed" });
    await within(exchange.close());
    await within(link.close());
    expect(native.seen.at(-1)).toEqual(["dispose"]);
    expect(environment.held).toBe(false);
    expect(() => new Exchange(EXCHANGE_CLIENT, "g", { registry })).toThrow(ClosedError);
  });
});
