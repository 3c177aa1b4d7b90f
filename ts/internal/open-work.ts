// What keeps the process alive: a count of open work per JavaScript environment. Exchanges count
// their own, so that `exchange.unref()` can take all of it out.

/** Something open work is reported to. */
export interface Holder {
  add(): void;
  remove(): void;
}

/** Counts open work; tells its owner when the first begins and the last ends. */
export class OpenWork implements Holder {
  readonly #held: (held: boolean) => void;
  #count = 0;
  #enabled = true;

  constructor(held: (held: boolean) => void) {
    this.#held = held;
  }

  /** A counter within `parent`, to which it counts as one piece of work. */
  static within(parent: Holder): OpenWork {
    return new OpenWork((held) => (held ? parent.add() : parent.remove()));
  }

  add(): void {
    this.#count += 1;
    if (this.#count === 1 && this.#enabled) this.#held(true);
  }

  remove(): void {
    this.#count -= 1;
    if (this.#count === 0 && this.#enabled) this.#held(false);
  }

  /** While disabled, it counts on but holds nothing. */
  enable(enabled: boolean): void {
    if (this.#enabled === enabled) return;
    this.#enabled = enabled;
    if (this.#count > 0) this.#held(enabled);
  }
}
