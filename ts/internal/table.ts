// Objects by the numbers of the border. Deliveries come in runs that concern the same one, so the
// last found is remembered: a comparison then takes the place of a look-up.

export class Table<T> {
  readonly #entries = new Map<number, T>();
  #last = -1;
  #found: T | undefined;

  get(number: number): T | undefined {
    if (number !== this.#last) {
      this.#found = this.#entries.get(number);
      this.#last = number;
    }
    return this.#found;
  }

  set(number: number, entry: T): void {
    this.#entries.set(number, entry);
    this.#last = -1;
  }

  delete(number: number): void {
    this.#entries.delete(number);
    this.#forget();
  }

  clear(): void {
    this.#entries.clear();
    this.#forget();
  }

  /** As they are now; the table may change meanwhile. */
  all(): T[] {
    return [...this.#entries.values()];
  }

  #forget(): void {
    this.#last = -1;
    this.#found = undefined;
  }
}
