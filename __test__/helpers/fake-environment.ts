// A JavaScript environment as the addon sees it, without the addon.

import type { NativeEnvironment } from "../../ts/border/native.js";

export class FakeEnvironment implements NativeEnvironment {
  readonly io: "loop" | "thread";
  readonly wake: () => void;
  /** Numbers of registries that have deliveries. */
  readonly #ready = new Set<number>();
  held = false;
  closed = false;

  constructor(wake: () => void, onLoop: boolean) {
    this.wake = wake;
    this.io = onLoop ? "loop" : "thread";
    environments.push(this);
  }

  /** Registries have deliveries. */
  signal(...registries: number[]): void {
    for (const registry of registries) this.#ready.add(registry);
    this.wake();
  }

  ready(numbers: Uint32Array): number {
    const taken = [...this.#ready].slice(0, numbers.length);
    for (const registry of taken) this.#ready.delete(registry);
    numbers.set(taken);
    return taken.length;
  }

  ref(): void {
    this.held = true;
  }

  unref(): void {
    this.held = false;
  }

  close(): void {
    this.closed = true;
  }
}

/** All that were made, oldest first. */
export const environments: FakeEnvironment[] = [];
