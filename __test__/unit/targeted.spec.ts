import { describe, expect, it, onTestFinished } from "vitest";
import { ClosedError, EncodingError, TooLargeError } from "../../ts/errors.js";
import { Service } from "../../ts/service.js";
import { fakeRegistry } from "../helpers/fake-native.js";

const process = "cd".repeat(16);

function setUp() {
  const fake = fakeRegistry();
  onTestFinished(() => fake.registry.close());
  const service = new Service("s", { registry: fake.registry });
  fake.native.seen.length = 0;
  return { ...fake, service };
}

describe("publish to one", () => {
  it("takes a subscriber or the id of a process, and is never kept", () => {
    const { service, native } = setUp();
    expect(service.publish("a", 1, { to: process })).toBe(true);
    service.publish("b", Uint8Array.of(1, 2), {
      to: { process, label: "host:1", pattern: "*" } as { process: string },
      lifetime: 0,
    });
    const seen = native.seen.map(([name, , subject, kind, length, to]) => {
      return [name, subject, kind, length, to];
    });
    expect(seen).toEqual([
      ["publishTo", "a", 1, 1, process],
      ["publishTo", "b", 0, 2, process],
    ]);
  });

  it("comes after what was published before", () => {
    const { service, native } = setUp();
    service.publish("a", 1);
    service.publish("b", 2, { to: process });
    expect(native.seen.map(([name]) => name)).toEqual(["submit", "publish", "publishTo"]);
  });

  it("refuses what makes no sense, and sends nothing", () => {
    const { service, native } = setUp();
    for (const lifetime of [1, Number.POSITIVE_INFINITY]) {
      expect(() => service.publish("a", 1, { to: process, lifetime })).toThrow(TypeError);
    }
    for (const to of ["", "host:1", "CD".repeat(16), 5, null, {}, { process: 1 }]) {
      expect(() => service.publish("a", 1, { to: to as string })).toThrow(TypeError);
    }
    expect(() => service.publish("a", () => {}, { to: process })).toThrow(EncodingError);
    const large = new Uint8Array((1 << 20) + 1);
    expect(() => service.publish("a", large, { to: process })).toThrow(TooLargeError);
    expect(() => service.publish("x".repeat(1025), 1, { to: process })).toThrow(RangeError);
    expect(native.seen).toEqual([]);
    service.close();
    expect(() => service.publish("a", 1, { to: process })).toThrow(ClosedError);
  });
});
