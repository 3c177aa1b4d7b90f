// The memory that contents arrive in.

import { expect, it } from "vitest";
import { Memory } from "../../ts/border/memory.js";

const SIZE = 32 << 10;

it("is used front to back, and renewed when little is left", () => {
  const memory = new Memory();
  const first = memory.bytes(1);
  expect([first.length, memory.at]).toEqual([SIZE, 0]);
  memory.taken(SIZE - 8192);
  expect(memory.bytes(1)).toBe(first);
  expect(memory.at).toBe(SIZE - 8192);
  memory.taken(SIZE - 8191);
  expect(memory.bytes(1)).not.toBe(first);
  expect(memory.at).toBe(0);
});

it("comes in larger pieces while they last for few wake-ups, and in small ones again afterwards", () => {
  const memory = new Memory();
  const renewed = (wake: number): number => {
    memory.taken(memory.bytes(wake).length);
    return memory.bytes(wake).length / SIZE;
  };
  memory.bytes(1);
  expect([1, 2, 5, 8, 8].map(renewed)).toEqual([2, 4, 4, 4, 4]);
  expect([12, 50, 114].map(renewed)).toEqual([4, 4, 4]);
  expect([179, 300, 303].map(renewed)).toEqual([1, 1, 2]);
});

it("is renewed when an application has transferred it away", () => {
  const memory = new Memory();
  const first = memory.bytes(1);
  memory.taken(100);
  structuredClone(first, { transfer: [first.buffer as ArrayBuffer] });
  expect(memory.bytes(100)).toHaveLength(SIZE);
  expect(memory.at).toBe(0);
});
