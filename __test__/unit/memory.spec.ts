// The memory that contents arrive in.

import { expect, it } from "vitest";
import { Memory } from "../../ts/internal/memory.js";

const SIZE = 32 << 10;

it("is used front to back, and renewed when little is left", () => {
  const memory = new Memory();
  const first = memory.bytes;
  expect([first.length, memory.at]).toEqual([SIZE, 0]);
  memory.taken(SIZE - 8192);
  expect(memory.bytes).toBe(first);
  expect(memory.at).toBe(SIZE - 8192);
  memory.taken(SIZE - 8191);
  expect(memory.bytes).not.toBe(first);
  expect(memory.at).toBe(0);
});

it("is renewed when an application has transferred it away", () => {
  const memory = new Memory();
  const first = memory.bytes;
  memory.taken(100);
  structuredClone(first, { transfer: [first.buffer as ArrayBuffer] });
  expect(memory.bytes).toHaveLength(SIZE);
  expect(memory.at).toBe(0);
});
