// Text with half of a surrogate pair has no form in UTF-8. It is refused where it is given, as
// content is: U+FFFD in its place would make one of two names.

import { expect, it, onTestFinished } from "vitest";
import { EXCHANGE_CLIENT, EXCHANGE_SERVER, Exchange } from "../../ts/exchange.js";
import { Registry } from "../../ts/registry.js";
import { Service } from "../../ts/service.js";
import { rejection } from "../helpers/eventually.js";
import { fakeRegistry } from "../helpers/fake-native.js";

const HALVES = ["\ud800", "\udfff", "a\ud83d", "\ude00\ud83d", `${"x".repeat(60)}\udc00`];
const WHOLE = ["é", "😀", "\ufffd", "日本", "\u0000"];

function setUp() {
  const { registry } = fakeRegistry();
  onTestFinished(() => registry.close());
  let services = 0;
  const provider = (options = {}) =>
    new Service(`provider ${services++}`, { registry, ...options });
  return { registry, provider, service: provider(), remote: registry.service("remote") };
}

type Given = ReturnType<typeof setUp>;

const places: Record<string, (given: Given, text: string) => unknown> = {
  "a label": (_, label) => new Registry({ label }),
  "the name of a service": ({ registry }, name) => new Service(name, { registry }),
  "an audience": ({ provider }, audience) => provider({ audience }),
  "a service group": ({ provider }, group) => provider({ groups: ["a", group] }),
  "the name of a method": ({ provider }, name) => provider({ methods: { [name]: () => {} } }),
  "a group to join": ({ service }, group) => service.join(group),
  "a group to leave": ({ service }, group) => service.leave(group),
  "a subject": ({ service }, subject) => service.publish(subject, 1),
  "a subject of bytes": ({ service }, subject) => service.publish(subject, new Uint8Array(3)),
  "a subject that is kept": ({ service }, subject) =>
    service.publish(subject, 1, { lifetime: Number.POSITIVE_INFINITY }),
  "a subject for one": ({ service }, subject) =>
    service.publish(subject, 1, { to: "ab".repeat(16) }),
  "the name of a handle": ({ registry }, name) => registry.service(name),
  "a name to wait for": ({ registry }, name) => registry.waitFor(name, { timeout: 0.001 }),
  "a name to look up": ({ registry }, name) => registry.lookup(name),
  "a group to look up": ({ registry }, group) => registry.lookup({ group }),
  "a name to watch": ({ registry }, name) => registry.watch({ name }),
  "the name of a subscription": ({ registry }, name) => registry.subscribe(name),
  "the group of a subscription": ({ registry }, group) => registry.subscribe({ group }),
  "a pattern": ({ registry }, pattern) => registry.subscribe("s", pattern),
  "a method to call": ({ remote }, method) => remote.call(method, [], { timeout: 0.001 }),
  "a method by its name": ({ remote }, method) => remote.methods[method]?.(),
  "a method to stream": ({ remote }, method) => remote.stream(method).return(),
  "an exchange group": ({ registry }, group) => new Exchange(EXCHANGE_SERVER, group, { registry }),
  "a host": ({ registry }, host) =>
    new Exchange(EXCHANGE_CLIENT, { registry }).connect(host, 11_111),
  "a path": ({ registry }, path) => new Exchange(EXCHANGE_CLIENT, { registry }).connect({ path }),
  "a path to listen at": ({ registry }, path) =>
    new Exchange(EXCHANGE_SERVER, { registry }).listen({ path }),
  "a host to listen at": ({ registry }, host) =>
    new Exchange(EXCHANGE_SERVER, { registry }).listen(1, { host: ["::1", host] }),
};

it.each(Object.entries(places))("%s must not have one", async (_, give) => {
  for (const text of HALVES) {
    const error = await rejection((async () => give(setUp(), text))());
    expect(error).toBeInstanceOf(RangeError);
    expect((error as Error).message).toMatch(/must not contain an unpaired surrogate$/);
  }
});

it("all other text is as good as any", () => {
  for (const text of WHOLE) {
    const { service, registry } = setUp();
    service.publish(text, 1);
    service.join(text);
    registry.subscribe(text, text);
    expect(service.groups).toEqual([text]);
  }
});
