// Promises by number, for commands whose end is delivered later. Each holds the process alive.

import type { Holder } from "./open-work.js";

interface Wait<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

export class Waits<T> {
  readonly #waits = new Map<number, Wait<T>>();
  readonly #work: Holder;

  constructor(work: Holder) {
    this.#work = work;
  }

  /** A promise that settles with that number. */
  add(number: number): Promise<T> {
    this.#work.add();
    return new Promise((resolve, reject) => this.#waits.set(number, { resolve, reject }));
  }

  resolve(number: number, value: T): void {
    this.#take(number)?.resolve(value);
  }

  reject(number: number, error: Error): void {
    this.#take(number)?.reject(error);
  }

  /** Rejects all that are left. */
  end(error: Error): void {
    for (const number of [...this.#waits.keys()]) this.reject(number, error);
  }

  #take(number: number): Wait<T> | undefined {
    const wait = this.#waits.get(number);
    if (wait !== undefined && this.#waits.delete(number)) this.#work.remove();
    return wait;
  }
}
