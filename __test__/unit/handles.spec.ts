// What a handle is to code that knows nothing of it: logs, comparisons, `await`, clones. None of
// that sends anything. Promise 14: a handle needs no provider.

import { deepEqual, deepStrictEqual } from "node:assert";
import { format, inspect, isDeepStrictEqual } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { EncodingError } from "../../ts/errors.js";
import { RESERVED_NAMES } from "../../ts/internal/reserved-names.js";
import { Service } from "../../ts/service.js";
import { rejection, within } from "../helpers/eventually.js";
import { fakeRegistry } from "../helpers/fake-native.js";

type Any = Record<string | symbol, (...args: unknown[]) => unknown>;

function setUp() {
  const fake = fakeRegistry();
  onTestFinished(() => fake.registry.close());
  const handle = fake.registry.service("thermometer");
  const sent = () => fake.native.seen.filter(([name]) => name === "request");
  return { ...fake, handle, sent };
}

/** The handle and everything on it, with what it says of itself. */
function everything({ handle }: ReturnType<typeof setUp>): Array<[string, unknown]> {
  return [
    ["[RemoteService thermometer]", handle],
    ["[RemoteMethods thermometer]", handle.methods],
    ["[RemoteStreams thermometer]", handle.streams],
  ];
}

function fails(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return String((error as Error).message);
  }
  throw new Error("nothing was thrown");
}

describe("a handle", () => {
  it("says what it is, as text and in logs, and sends nothing", () => {
    const made = setUp();
    for (const [text, one] of everything(made)) {
      expect(`${one}`).toBe(text);
      expect(String(one)).toBe(text);
      expect((one as object).toLocaleString()).toBe(text);
      expect(inspect(one)).toBe(text);
      expect(format("%s %o %j", one, one, one)).toContain(text);
      expect(inspect({ one }, { showHidden: true, depth: 9 })).toContain(text);
      inspect(one, { customInspect: false, showHidden: true, showProxy: true, getters: true });
      expect(Number(one)).toBeNaN();
      expect(Object.prototype.toString.call(one)).toMatch(/^\[object Remote/);
      console.log(one);
    }
    expect(inspect(made.handle.methods.read)).toBe("[Function: read]");
    expect(made.sent()).toEqual([]);
  });

  it("is JSON: its name or identity", () => {
    const { handle, registry, sent } = setUp();
    const identity = `${"cd".repeat(16)}.7`;
    const other = registry.service({ identity });
    expect(JSON.stringify({ handle, other })).toBe(
      JSON.stringify({ handle: "thermometer", other: identity }),
    );
    expect(JSON.stringify([handle.methods, handle.streams, handle.methods.read])).toBe(
      '["[RemoteMethods thermometer]","[RemoteStreams thermometer]",null]',
    );
    expect(sent()).toEqual([]);
  });

  it("is compared, in passing and failing assertions", () => {
    const made = setUp();
    const { registry, sent } = made;
    const other = registry.service("barometer");
    for (const [, one] of everything(made)) {
      expect(one).toEqual(one);
      expect(one).not.toBe(1);
      const element = { nodeType: 1, tagName: "P", isEqualNode: () => true };
      for (const what of [other, other.methods, { a: 1 }, new WeakSet(), element, "x", null]) {
        isDeepStrictEqual(one, what);
        fails(() => deepEqual({ one }, { one: what, more: 1 }));
        fails(() => deepStrictEqual(one, [what]));
        fails(() => expect(one).toBe(what));
        fails(() => expect([one]).toStrictEqual([what, 1]));
        fails(() => expect({ one, more: 1 }).toMatchObject({ one: what, more: 2 }));
      }
    }
    expect(sent()).toEqual([]);
  });

  it("is awaited, and rejected with", async () => {
    const made = setUp();
    for (const [, one] of everything(made)) {
      expect((await within(Promise.resolve([one])))[0]).toBe(one);
      expect(await one).toBe(one);
      expect(await rejection(Promise.reject(one))).toBe(one);
    }
    expect(made.sent()).toEqual([]);
  });

  it("cannot be cloned or be content, and the error says what it was", () => {
    const made = setUp();
    for (const [text, one] of everything(made)) {
      const kind = text.slice(1, text.indexOf(" "));
      expect(fails(() => structuredClone({ one }))).toMatch(/\[object Remote\w+ thermometer\]/);
      const { registry } = made;
      const service = new Service("s", { registry });
      expect(() => service.publish("a", one)).toThrow(EncodingError);
      expect(fails(() => service.publish("a", one))).toContain(`an instance of ${kind}`);
      service.close();
    }
    expect(made.sent()).toEqual([]);
  });

  it("has members for no name that the language or a library calls by itself", async () => {
    const made = setUp();
    const { handle, sent } = made;
    const marks = ["$$typeof", "@@__IMMUTABLE_ITERABLE__@@", "__proto__", "__esModule"];
    for (const members of [handle.methods, handle.streams] as unknown as Any[]) {
      for (const name of [...RESERVED_NAMES, ...marks]) {
        const member = members[name];
        if (typeof member === "function" && name !== "constructor") member.call(members, "x");
      }
      for (const key of Reflect.ownKeys(Symbol)) {
        const symbol = Symbol[key as keyof typeof Symbol] as unknown;
        const member = typeof symbol === "symbol" ? members[symbol] : undefined;
        if (typeof member === "function") member.call(members, "x");
      }
      expect("asymmetricMatch" in members).toBe(false);
      for (const key in members) expect(key).toBeUndefined();
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(sent()).toEqual([]);
  });

  it("reaches methods of such names by call and stream", async () => {
    const { handle, registry } = setUp();
    const names = [...RESERVED_NAMES, "$$typeof", "__x"];
    const methods = Object.fromEntries(names.map((name) => [name, () => `called ${name}`]));
    new Service("thermometer", { registry, methods });
    for (const name of names) {
      expect(await handle.call(name)).toBe(`called ${name}`);
      const parts = [];
      for await (const part of handle.stream(name)) parts.push(part);
      expect(parts).toEqual([`called ${name}`]);
    }
  });
});
