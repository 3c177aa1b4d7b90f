// How much one wake-up delivers.

import { now } from "../internal/clock.js";

/**
 * One wake-up delivers at most this much before timers and sockets of the application get a turn.
 */
const BUDGET_BYTES = 256 << 10;
const BUDGET_MS = 2;

/** What one wake-up may still spend. */
export class Budget {
  readonly #deadline: number;
  #bytes: number;
  #now = now();

  constructor(bytes: number = BUDGET_BYTES, milliseconds: number = BUDGET_MS) {
    this.#deadline = this.#now + milliseconds;
    this.#bytes = bytes;
  }

  /** When the clock was last looked at, in milliseconds of `now()`. */
  get now(): number {
    return this.#now;
  }

  spend(bytes: number): void {
    this.#bytes -= bytes;
  }

  /** Looks at the clock. */
  get exhausted(): boolean {
    this.#now = now();
    return this.#bytes <= 0 || this.#now >= this.#deadline;
  }
}
