// Several registries of one environment, linked over loopback.

import { afterEach, describe, expect, it } from "vitest";
import { bytes, Commands, join, Station, serve, text } from "./native.mjs";

let station = new Station();
afterEach(() => {
  station.environment.close();
  station = new Station();
});

describe("registries of one environment", () => {
  it("talk over their exchanges", async () => {
    const hub = station.registry("hub");
    const [asker, answerer] = [station.registry("asker"), station.registry("answerer")];
    const { port } = await serve(hub);
    answerer.native.createService("echo", "*", [], ["echo"]);
    await join(answerer, port);
    await join(asker, port);

    asker.submit(new Commands().request(4, "echo", "echo", bytes("hello")));
    const invoke = await answerer.next("invoke");
    expect(invoke).toMatchObject({ method: "echo", caller: asker.native.id, label: "asker" });
    answerer.submit(new Commands().respond(invoke.call as bigint, 0, invoke.content as Uint8Array));
    const outcome = await asker.next("outcome");
    expect(outcome).toMatchObject({ key: 4, status: 0, delivered: 1 });
    expect(text(outcome.content)).toBe("hello");
  });

  it("tell both ends of a link who the other is", async () => {
    const [hub, client] = [station.registry("hub"), station.registry("client")];
    const { exchange, port } = await serve(hub);
    const own = client.native.createExchange(0, "", 5000, 15_000, false);
    const link = client.native.connect(own, { host: "127.0.0.1", port, retry: -1 });
    const up = await client.next("link");
    expect(up).toMatchObject({ what: "active", exchange: own, link, attempt: 1, reason: 0 });
    expect(up).toMatchObject({ process: hub.native.id, label: "hub" });
    expect(up.address).toContain(String(port));
    const accepted = await hub.next("link");
    expect(accepted).toMatchObject({ what: "active", exchange, process: client.native.id });

    client.native.closeLink(link, 1000);
    expect(await client.next("link", (one) => one.what === "closed")).toMatchObject({ link });
    const lost = await hub.next("link", (one) => one.what === "inactive");
    expect(lost).toMatchObject({ process: client.native.id });
    expect(lost.reason).not.toBe(0);
  });

  it("hear why an attempt failed, and when the next is made", async () => {
    const client = station.registry("client");
    const exchange = client.native.createExchange(0, "", 5000, 15_000, false);
    // Port 1 of loopback: nothing listens there.
    client.native.connect(exchange, { host: "127.0.0.1", port: 1, retry: 20 });
    const failed = await client.next("link");
    expect(failed).toMatchObject({ what: "attemptFailed", attempt: 1, process: "" });
    expect(failed.retryIn).toBeGreaterThan(10_000);
    expect(failed.retryIn).toBeLessThanOrEqual(20_000);
    expect(failed.message).not.toBe("");
  });

  it.each([
    [true, "active", 0],
    [false, "attemptFailed", 40],
  ])("ask who may be linked, and do as they are told: %s", async (may, what, reason) => {
    const [hub, client] = [station.registry("hub"), station.registry("client")];
    const { exchange, port } = await serve(hub, "", true);
    const own = client.native.createExchange(0, "", 5000, 15_000, false);
    client.native.connect(own, { host: "127.0.0.1", port, retry: -1 });
    const asked = await hub.next("link");
    expect(asked).toMatchObject({ what: "authorise", exchange, reason: 0, attempt: 1 });
    expect(asked).toMatchObject({ process: client.native.id, label: "client" });
    hub.native.authorise(asked.link as number, may);
    expect(await client.next("link")).toMatchObject({ what, reason });
    expect(await hub.next("link")).toMatchObject({ what, reason, link: asked.link });
    // Nobody asked: without effect.
    hub.native.authorise(asked.link as number, !may);
    hub.native.authorise(4_000_000_000, true);
  });

  it("stream results over a hub, against the caller's credit", async () => {
    const hub = station.registry("hub");
    const [asker, answerer] = [station.registry("asker"), station.registry("answerer")];
    const { port } = await serve(hub);
    answerer.native.createService("meter", "*", [], ["history"]);
    await join(answerer, port);
    await join(asker, port);
    asker.submit(new Commands().request(4, "meter", "history", bytes(""), { parts: 1 }));
    const invoke = await answerer.next("invoke");
    expect(invoke).toMatchObject({ parts: 1, label: "asker" });
    const call = invoke.call as bigint;
    for (const part of ["one", "two", "three"]) {
      answerer.submit(new Commands().part(call, bytes(part)));
      expect(text((await asker.next("part")).content)).toBe(part);
      asker.submit(new Commands().grantParts(4, 1));
      expect(await answerer.next("credit")).toMatchObject({ call, parts: 1 });
    }
    expect(asker.native.cancel(4)).toBe(2);
    expect(await answerer.next("abort")).toMatchObject({ call, reason: 0 });
  });

  it("hear where they listen, or why they do not", async () => {
    const [first, second] = [station.registry("first"), station.registry("second")];
    const { port } = await serve(first);
    expect(port).toBeGreaterThan(0);
    const exchange = second.native.createExchange(1, "", 5000, 15_000, false);
    second.native.listen(exchange, { port, hosts: ["127.0.0.1"] }, 8);
    const listening = await second.next("listening");
    expect(listening).toMatchObject({ token: 8, ok: false });
    expect((listening.texts as string[])[0]).toBe("address-in-use");
  });

  it("flush, subscribe and close", async () => {
    const [hub, client] = [station.registry("hub"), station.registry("client")];
    const { port } = await serve(hub);
    const { exchange } = await join(client, port);
    const { no } = client.native.createService("source", "*", [], []);
    const subscription = hub.native.subscribe(0, "source", "a.*", 100, 10_000, false);
    const subscriber = await client.next("subscriber");
    expect(subscriber).toMatchObject({ no, present: 1 });
    expect(subscriber.texts).toEqual([hub.native.id, "hub", "a.*"]);

    client.submit(new Commands().publish(no, "a.b", bytes("x")).publish(no, "b", bytes("y")));
    expect(await hub.next("report")).toMatchObject({ subscription, subject: "a.b" });
    const flush = client.native.flush(exchange, 5000);
    expect(await client.next("flushed")).toMatchObject({ flush, result: 0 });

    const targeted = [no, "b", 0, bytes("for one"), hub.native.id] as const;
    expect(client.native.publishTo(...targeted)).toBe(true);
    expect(client.native.publishTo(no, "a.c", 0, bytes("for one"), hub.native.id)).toBe(true);
    expect(client.native.publishTo(no, "a.d", 0, bytes("for none"), "0".repeat(32))).toBe(true);
    const report = await hub.next("report");
    expect([report.subject, text(report.content)]).toEqual(["a.c", "for one"]);

    expect(hub.native.track(client.native.id)).toBe(true);
    client.native.close(1000);
    expect(await client.next("exchangeClosed")).toMatchObject({ exchange });
    expect(await hub.next("processGone")).toMatchObject({ process: client.native.id });
  });
});
