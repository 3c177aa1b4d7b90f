// `once` and `on` of node:events with the emitters of this library.

import { on, once } from "node:events";
import { describe, expect, it, onTestFinished } from "vitest";
import { Emitter } from "../../ts/events.js";
import { EXCHANGE_CLIENT, Exchange } from "../../ts/exchange.js";
import { rejection, within } from "../helpers/eventually.js";
import { fakeRegistry } from "../helpers/fake-native.js";

class Bell extends Emitter<{ ring: number }> {
  constructor() {
    super((listener, argument) => listener(argument));
  }
  /** False: nobody listens. */
  ring(n: number): boolean {
    return this.emit("ring", n);
  }
}

/** What node:events takes by its types, which is more than it needs. */
function emitter(value: object): NodeJS.EventEmitter {
  return value as NodeJS.EventEmitter;
}

describe("node:events", () => {
  it("waits for one event, and leaves no listener", async () => {
    const bell = new Bell();
    const rung = once(emitter(bell), "ring");
    expect(bell.ring(1)).toBe(true);
    expect(await rung).toEqual([1]);
    expect(bell.ring(2)).toBe(false);
  });

  it("gives a wait up by its signal, and leaves no listener", async () => {
    const bell = new Bell();
    const controller = new AbortController();
    const rung = rejection(once(emitter(bell), "ring", { signal: controller.signal }));
    controller.abort();
    expect(await rung).toMatchObject({ name: "AbortError" });
    expect(bell.ring(1)).toBe(false);
  });

  it("iterates events, and leaves no listener", async () => {
    const bell = new Bell();
    const rings = on(emitter(bell), "ring");
    for (const n of [1, 2, 3]) bell.ring(n);
    const seen: unknown[] = [];
    for await (const [n] of rings) {
      seen.push(n);
      if (n === 3) break;
    }
    expect(seen).toEqual([1, 2, 3]);
    expect(bell.ring(4)).toBe(false);
  });

  it("waits for a link of an exchange", async () => {
    const { registry, native } = fakeRegistry({ log: "off" });
    onTestFinished(() => registry.close());
    const exchange = new Exchange(EXCHANGE_CLIENT, { registry });
    const link = exchange.connect("hub", 1);
    const active = once(emitter(exchange), "active");
    const [, number] = native.seen.findLast(([name]) => name === "connect") ?? [];
    native.link(0, Number(number), Number(number) + 1);
    expect(await within(active)).toMatchObject([{ link }]);
  });
});
