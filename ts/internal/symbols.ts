// Strings that commands name by number: subjects, methods, names and identities. The native side is
// told each once, and keeps as many.

/** Strings in use at a time; then their numbers are used again, the oldest first. */
const SLOTS = 4096;

/** The slots of one registry. */
export class Symbols {
  readonly #slots = new Map<string, number>();
  readonly #texts: string[] = [];
  #next = 0;

  /** The slot of `text`; -1: it has none. `hint`: where it was the last time, or anything else. */
  find(text: string, hint: number): number {
    return this.#texts[hint] === text ? hint : (this.#slots.get(text) ?? -1);
  }

  /** Whether `slot` stands for `text`. */
  is(slot: number, text: string): boolean {
    return this.#texts[slot] === text;
  }

  /** A slot for a text that has none. What it stood for before has none any more. */
  add(text: string): number {
    const slot = this.#next;
    this.#next = (slot + 1) % SLOTS;
    const old = this.#texts[slot];
    if (old !== undefined) this.#slots.delete(old);
    this.#texts[slot] = text;
    this.#slots.set(text, slot);
    return slot;
  }

  /** Forgets all: what the native side was told is not known. */
  clear(): void {
    this.#slots.clear();
    this.#texts.length = 0;
    this.#next = 0;
  }
}
