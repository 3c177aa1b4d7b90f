import { describe, expect, it } from "vitest";
import { judge } from "../../scripts/soak/checker.mjs";
import type { Entry } from "../../scripts/soak/history.mjs";

const violations = (...entries: Entry[]) => judge([{ label: "a", entries }]).violations;

const called = { kind: "called", call: "1", method: "double", value: 2 } as const;
const ended = { kind: "ended", call: "1", late: 0, paused: 0 } as const;
const ran = { kind: "ran", call: "1" } as const;
const end = { kind: "end" } as const;

function told(sequence: number, more: Partial<Extract<Entry, { kind: "told" }>> = {}): Entry {
  const plain = { missed: 0, replayed: false, resumed: false, content: 0 };
  return { kind: "told", by: "name", service: "s", sequence, ...plain, ...more };
}

describe("what is said of requests", () => {
  const right = { ...ended, outcome: { result: 4 } };

  it("nothing, if all is as promised", () => {
    expect(violations(called, ran, right, end)).toEqual([]);
    const lost = { ...ended, outcome: { code: "lost", delivered: "unknown" } } as const;
    expect(violations(called, lost, end)).toEqual([]);
    expect(violations(called, ran, lost, end)).toEqual([]);
  });

  it.each([
    ["a wrong result", [called, ran, { ...ended, outcome: { result: 5 } }, end]],
    ["a result of a handler that did not run", [called, right, end]],
    ["a handler that ran twice", [called, ran, ran, right, end]],
    ["two outcomes", [called, ran, right, right, end]],
    ["no outcome", [called, ran, end]],
    [
      "`no` of a handler that ran",
      [called, ran, { ...ended, outcome: { code: "lost", delivered: "no" } }, end],
    ],
    [
      "`yes` of one that did not",
      [called, { ...ended, outcome: { code: "encoding", delivered: "yes" } }, end],
    ],
    ["an outcome that is late", [called, ran, { ...right, late: 400, paused: 20 }, end]],
    ["what is no outcome", [called, ran, { ...ended, outcome: { unexpected: "?" } }, end]],
  ] satisfies [string, Entry[]][])("%s is seen", (_, entries) => {
    expect(violations(...entries)).toHaveLength(1);
  });

  it("who was killed owes no outcome, and who stood still may be late", () => {
    expect(violations(called)).toEqual([]);
    expect(violations(called, ran, { ...right, late: 400, paused: 390 }, end)).toEqual([]);
  });
});

describe("what is said of reports", () => {
  it("nothing, if they are in order and holes are counted, also too high", () => {
    expect(violations(told(1), told(2), told(5, { missed: 2 }), told(7, { missed: 9 }))).toEqual(
      [],
    );
  });

  it("nothing of what was published before the first live one", () => {
    const replayed = { replayed: true };
    expect(violations(told(3, replayed), told(9, replayed), told(20), told(21))).toEqual([]);
  });

  it.each([
    ["a hole", [told(1), told(3)]],
    ["a hole that is counted too low", [told(1), told(5, { missed: 2 })]],
    ["a hole behind kept values", [told(1), told(5, { replayed: true }), told(6)]],
    ["a hole that an earlier count does not pay for", [told(1), told(2, { missed: 5 }), told(4)]],
    ["the wrong order", [told(2), told(1)]],
    ["a report told twice", [told(2), told(2)]],
  ] satisfies [string, Entry[]][])("%s is seen", (_, entries) => {
    expect(violations(...entries)).toHaveLength(1);
  });
});

describe("what is said of the registry", () => {
  const seen = (status: string): Entry => ({ kind: "seen", status, service: "s" });

  it.each([
    ["a service that becomes available twice", [seen("available"), seen("available")]],
    ["one that is withdrawn twice", [seen("available"), seen("withdrawn"), seen("withdrawn")]],
  ] satisfies [string, Entry[]][])("%s is seen", (_, entries) => {
    expect(violations(...entries)).toHaveLength(1);
  });
});
