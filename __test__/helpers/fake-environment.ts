// A JavaScript environment as the addon sees it, without the addon.

import type { NativeEnvironment } from "../../ts/internal/native.js";

export class FakeEnvironment implements NativeEnvironment {
  readonly io: "loop" | "thread";
  readonly wake: () => void;
  held = false;
  closed = false;

  constructor(wake: () => void, onLoop: boolean) {
    this.wake = wake;
    this.io = onLoop ? "loop" : "thread";
    environments.push(this);
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
