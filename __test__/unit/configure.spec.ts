// The default registry: options before its first use, and a new beginning after it was closed.

import { hostname } from "node:os";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ClosedError, NetsvcError } from "../../ts/errors.js";
import type { LogEntry } from "../../ts/options/log.js";
import { configure, Registry, registry } from "../../ts/registry.js";
import { Service } from "../../ts/service.js";
import { rejection } from "../helpers/eventually.js";
import { fakeRegistry } from "../helpers/fake-native.js";

beforeEach(async () => {
  await fakeRegistry().registry.close();
  delete process.env.NETSVC_LABEL;
});
afterEach(async () => {
  await registry.close();
  configure();
});

describe("configure", () => {
  it("sets the options of the default registry before its first use", async () => {
    const entries: LogEntry[] = [];
    configure({ label: "first" });
    configure({ label: "gateway", log: (entry) => entries.push(entry), limits: { payload: 2000 } });
    expect(registry.label).toBe("gateway");
    const methods = { big: () => "x".repeat(2000) };
    const service = new Service("s", { methods });
    expect(() => service.publish("a", "x".repeat(2000))).toThrow("2000 bytes");
    await rejection(registry.service("s").call("big"));
    expect(entries).toMatchObject([{ level: "error", label: "gateway" }]);
  });

  it("says so when it comes too late", async () => {
    new Service("s");
    for (const attempt of [() => configure(), () => configure({ label: "late" })]) {
      expect(attempt).toThrow(NetsvcError);
      expect(attempt).toThrow(expect.objectContaining({ code: "in-use" }));
      expect(attempt).toThrow("the default registry is in use: call configure before its first");
    }
    const closing = registry.close();
    expect(() => configure()).toThrow("is closing");
    await closing;
    configure();
  });

  it("begins anew after close: a new id, the same label, and nothing of before", async () => {
    const { label } = registry;
    const before = new Service("s");
    const handle = registry.service("s");
    expect(registry.lookup()).toHaveLength(1);
    await registry.close();
    expect(() => registry.lookup()).toThrow(ClosedError);
    configure();
    expect(registry.lookup()).toEqual([]);
    expect(registry.label).toBe(label);
    expect(() => before.publish("a", 1)).toThrow(ClosedError);
    expect(await rejection(handle.call("x"))).toBeInstanceOf(ClosedError);
    new Service("s");
    expect(registry.lookup()).toHaveLength(1);
  });

  it("works after one that was closed unused, and keeps its promise then", async () => {
    const closing = registry.close();
    expect(() => configure()).toThrow("is closing");
    await closing;
    configure({ label: "again" });
    expect(registry.label).toBe("again");
    expect(() => configure()).toThrow("is in use");
  });

  it("changes nothing when an option is wrong", () => {
    configure({ label: "kept" });
    expect(() => configure({ label: "" })).toThrow(RangeError);
    expect(() => configure({ limits: { nonsense: 1 } as never })).toThrow(RangeError);
    expect(() => configure({ log: "loud" as never })).toThrow(NetsvcError);
    expect(() => configure({ io: "loop" as never })).toThrow(NetsvcError);
    expect(registry.label).toBe("kept");
  });
});

describe("NETSVC_LABEL", () => {
  async function labels(variable: string | undefined, count: number): Promise<string[]> {
    if (variable !== undefined) process.env.NETSVC_LABEL = variable;
    vi.resetModules();
    const { Registry } = await import("../../ts/registry.js");
    const { fakeRegistry } = await import("../helpers/fake-native.js");
    await fakeRegistry().registry.close();
    return Array.from({ length: count }, () => new Registry({ log: "off" }).label);
  }

  it("is the name of the process, numbered as host and pid are", async () => {
    expect(await labels("boiler", 2)).toEqual(["boiler", "boiler#2"]);
    const own = `${hostname().slice(0, 200)}:${process.pid}`;
    expect(await labels("", 2)).toEqual([own, `${own}#2`]);
  });

  it("yields to the option, and is refused on first use if it is no name", () => {
    process.env.NETSVC_LABEL = "é".repeat(101);
    expect(() => new Registry().label).toThrow("NETSVC_LABEL must be text of at most 200 bytes");
    expect(() => new Registry().label).toThrow(expect.objectContaining({ code: "invalid" }));
    expect(new Registry({ label: "mine" }).label).toBe("mine");
  });
});
