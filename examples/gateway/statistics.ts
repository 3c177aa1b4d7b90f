/** Of the values of one subject within a window of time. */
export interface Statistics {
  last: number;
  min: number;
  max: number;
  mean: number;
  /** How many values that is. */
  count: number;
}

/** The values of the last `window` seconds, and at most `MAX_VALUES`. */
export class RollingStatistics {
  readonly #window: number;
  readonly #values: { readonly at: number; readonly value: number }[] = [];

  constructor(window: number) {
    this.#window = window;
  }

  /** `at`: seconds on a clock that never jumps. */
  add(value: number, at: number): void {
    this.#values.push({ at, value });
    if (this.#values.length > MAX_VALUES) this.#values.shift();
    this.#forget(at);
  }

  /** Undefined: nothing was added within the window before `at`. */
  at(at: number): Statistics | undefined {
    this.#forget(at);
    const values = this.#values.map(({ value }) => value);
    const last = values.at(-1);
    if (last === undefined) return undefined;
    return {
      last,
      min: Math.min(...values),
      max: Math.max(...values),
      mean: values.reduce((sum, value) => sum + value, 0) / values.length,
      count: values.length,
    };
  }

  #forget(now: number): void {
    const kept = this.#values.findIndex(({ at }) => at > now - this.#window);
    this.#values.splice(0, kept === -1 ? this.#values.length : kept);
  }
}

/** A publisher that goes wild must not fill our memory. */
const MAX_VALUES = 600;
