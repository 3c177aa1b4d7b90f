// Reports that an application keeps, within one process: what comes later leaves them as they are.

import { afterEach, describe, expect, it } from "vitest";
import { Registry } from "../../ts/registry.js";
import type { Report } from "../../ts/report.js";
import { Service } from "../../ts/service.js";
import { eventually } from "../helpers/eventually.js";

const registries: Registry[] = [];
afterEach(async () => {
  for (const registry of registries.splice(0)) await registry.close();
});

function setUp() {
  const registry = new Registry({ label: "kept", log: "off" });
  registries.push(registry);
  const kept: Report[] = [];
  registry.subscribe("meter", "*", (report) => kept.push(report));
  return { kept, service: new Service("meter", { registry }) };
}

/** Of lengths around those at which memory is used up, and far above. */
const content = (n: number) => new Uint8Array([0, 1, 700, 9000, 33_000, 20][n % 6] ?? 0).fill(n);

describe("reports that are kept", () => {
  it("stay as they came", async () => {
    const { kept, service } = setUp();
    for (let n = 0; n < 600; n += 1) {
      service.publish(`s${n}`, content(n));
      // In one wake-up and in many.
      if (n % 50 < 5) await eventually(() => kept.length === n + 1);
    }
    await eventually(() => kept.length === 600);
    for (const [n, report] of kept.entries()) {
      expect(report.subject).toBe(`s${n}`);
      expect(Buffer.compare(report.bytes, content(n))).toBe(0);
    }
  });

  it("whose memory is transferred take it from their neighbours, not from those that come later", async () => {
    const { kept, service } = setUp();
    service.publish("first", content(5));
    await eventually(() => kept.length === 1);
    const [first] = kept as [Report];
    const { buffer } = first.bytes;
    structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
    service.publish("second", content(11));
    await eventually(() => kept.length === 2);
    expect(kept[1]?.content).toEqual(content(11));
    expect(kept[1]?.subject).toBe("second");
  });
});
