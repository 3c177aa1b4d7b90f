// The addon loads and makes registries.

import { afterEach, describe, expect, it } from "vitest";
import { loadAddon } from "../../ts/border/addon.js";
import { surroundings } from "../../ts/border/installation.js";
import { Environment, NativeRegistry, Station } from "./native.mjs";

const stations: Station[] = [];
afterEach(() => {
  for (const station of stations.splice(0)) station.environment.close();
});
function station(): Station {
  const station = new Station();
  stations.push(station);
  return station;
}

describe("the addon", () => {
  it("loads once, however often it is asked for", () => {
    const addon = loadAddon(surroundings());
    expect(addon).toMatchObject({ Environment, NativeRegistry });
  });

  it("gives each registry an id of its own", () => {
    const { native: first } = station().registry("first");
    const { native: second } = station().registry("second");
    expect(first.id).toMatch(/^[0-9a-f]{32}$/);
    expect(second.id).toMatch(/^[0-9a-f]{32}$/);
    expect(first.id).not.toBe(second.id);
    expect(first.id).toBe(first.id);
  });

  it("takes some limits and keeps the defaults of the others", () => {
    const limits = { payload: 10 };
    const { native } = station().registry("small", { limits });
    const { no } = native.createService("s", "*", [], []);
    expect(native.publish(no, "a", 0, new Uint8Array(10), 0)).toBe(true);
    expect(() => native.publish(no, "a", 0, new Uint8Array(11), 0)).toThrow(
      expect.objectContaining({ code: "too-large" }),
    );
  });

  it("has nothing to drain at first", () => {
    const { native } = station().registry("idle");
    const words = new Uint32Array(64).fill(7);
    expect(native.drain(words, new Uint8Array(64), 5)).toBeNull();
    expect([...words.subarray(0, 3)]).toEqual([3, 0, 5]);
  });
});
