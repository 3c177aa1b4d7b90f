// Packed commands name strings by slot: each is told once, and again when its slot was needed.

import { describe, expect, it } from "vitest";
import { Commands } from "../../ts/border/commands.js";
import { parseTarget } from "../../ts/internal/targets.js";
import { CommandReader, type FakeCommand } from "../helpers/fake-commands.js";

const SLOTS = 4096;
const HOW = { timeoutMs: 5000, wait: false, parts: 0 };
const NONE = new Uint8Array();

/** Commands that are read as they cross. */
function packing() {
  const reader = new CommandReader();
  const seen: FakeCommand[] = [];
  const errors: unknown[] = [];
  const sizes: number[] = [];
  const native = { failure: undefined as Error | undefined };
  const commands = new Commands(
    (bytes, length) => {
      if (native.failure !== undefined) throw native.failure;
      sizes.push(length);
      seen.push(...reader.read(bytes, length));
      return 5;
    },
    (error) => errors.push(error),
  );
  const publish = (subject: string, content: Uint8Array = NONE, hint = -1) =>
    commands.publish(1, subject, hint, 0, content);
  const subjects = () => seen.map(({ fields }) => fields.subject);
  return { commands, seen, errors, sizes, native, publish, subjects };
}

describe("subjects", () => {
  it("cross once", () => {
    const { commands, publish, sizes, subjects } = packing();
    const content = Uint8Array.of(1, 2, 3);
    const slot = publish("kitchen", content);
    commands.flush();
    expect(publish("kitchen", content, slot)).toBe(slot);
    commands.flush();
    expect(publish("kitchen", content, 77)).toBe(slot);
    commands.flush();
    expect(subjects()).toEqual(["kitchen", "kitchen", "kitchen"]);
    expect(sizes).toEqual([12 + 8 + 20, 20, 20]);
  });

  it("stay right when there are more than slots", () => {
    const { commands, publish, subjects } = packing();
    const subject = (n: number) => `${n % 3 ? "s" : "\u00fc".repeat(n % 40)}${n % (SLOTS + 500)}`;
    const all = Array.from({ length: 4 * SLOTS }, (_, n) => subject(n * 7919));
    let hint = -1;
    for (const [n, text] of all.entries()) hint = publish(text, new Uint8Array(n % 5), hint);
    commands.flush();
    expect(subjects()).toEqual(all);
  });

  it("that are never used twice leave most of the others their slots", () => {
    const { commands, publish, sizes } = packing();
    for (let n = 0; n < SLOTS; n += 1) publish(`often${n}`);
    for (let n = 0; n < SLOTS; n += 1) publish(`once${n}`);
    commands.flush();
    sizes.length = 0;
    for (let n = SLOTS / 2; n < SLOTS; n += 1) publish(`often${n}`);
    commands.flush();
    expect(sizes).toEqual([16 * (SLOTS / 2)]);
  });

  it("may be empty, or not well formed", () => {
    const { commands, publish, subjects } = packing();
    for (const subject of ["", "\ud800", "ü", ""]) publish(subject);
    commands.flush();
    expect(subjects()).toEqual(["", "\ufffd", "ü", ""]);
  });

  it("are told again when the native side may not know them", () => {
    const { commands, native, errors, publish, subjects } = packing();
    publish("lost");
    native.failure = new Error("refused");
    commands.flush();
    expect(errors).toEqual([native.failure]);
    expect(commands.queued).toBe(0);
    native.failure = undefined;
    publish("other");
    publish("lost");
    commands.flush();
    expect(subjects()).toEqual(["other", "lost"]);
    expect(commands.queued).toBe(5);
  });
});

it("a request keeps its target when its method is given the slot of it", () => {
  const { commands, seen, publish } = packing();
  const target = parseTarget("target");
  commands.request(1, HOW, target, "first", 0, NONE);
  // All slots are in use, and the next is that of the target.
  for (let n = 2; n < SLOTS; n += 1) publish(`s${n}`);
  commands.request(2, HOW, target, "second", 0, NONE);
  commands.request(3, HOW, target, "first", 0, NONE);
  commands.flush();
  const requests = seen.filter(({ name }) => name === "request");
  expect(requests.map(({ fields }) => [fields.target, fields.method])).toEqual([
    ["target", "first"],
    ["target", "second"],
    ["target", "first"],
  ]);
});

it("commands of any length of content cross whole and in order", () => {
  const { commands, seen, publish } = packing();
  const lengths = [0, 1, 2, 3, 4, 5, 70_000, 7, 65_500, 65_536, 65_508, 30_000, 40_000, 8];
  for (const length of lengths) publish("s", new Uint8Array(length).fill(length % 251));
  commands.flush();
  expect(seen).toHaveLength(lengths.length);
  for (const [index, length] of lengths.entries()) {
    const content = seen[index]?.fields.content as Uint8Array;
    expect(Buffer.compare(content, new Uint8Array(length).fill(length % 251))).toBe(0);
  }
});

describe("what is packed", () => {
  it("is handed over at the end of the turn, together", async () => {
    const { publish, subjects, sizes } = packing();
    publish("a");
    await Promise.resolve();
    publish("b");
    expect(subjects()).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(subjects()).toEqual(["a", "b"]);
    expect(sizes).toHaveLength(1);
  });

  it("while it is held, at the release and not before, unless it is much", async () => {
    const { commands, publish, subjects, sizes } = packing();
    commands.hold();
    publish("a");
    await new Promise((resolve) => setImmediate(resolve));
    expect(subjects()).toEqual([]);
    commands.release();
    expect(subjects()).toEqual(["a"]);
    commands.hold();
    publish("b", new Uint8Array(64 << 10));
    expect(subjects()).toEqual(["a", "b"]);
    const crossings = sizes.length;
    commands.release();
    expect(sizes).toHaveLength(crossings);
    publish("c");
    await new Promise((resolve) => setImmediate(resolve));
    expect(subjects()).toEqual(["a", "b", "c"]);
  });
});
