// Strings that commands name by number: subjects, methods, names and identities. The native side is
// told each once, and keeps as many. Once all slots are in use, the oldest are used again.

import { SLOTS_COMMANDS } from "./numbers.js";

/**
 * Once all are in use, so many new strings come for one that gets a slot. Subjects that are never
 * used twice then cost little, and those of a large set in turn do not drive out each other.
 */
const RARELY = 8;

/** The slots of one registry. */
export class Strings {
  readonly #slots = new Map<string, number>();
  readonly #texts: string[] = [];
  #next = 0;
  #passed = 0;

  /** The slot of `text`; -1: it has none. `hint`: where it was the last time, or anything else. */
  find(text: string, hint: number): number {
    return this.#texts[hint] === text ? hint : (this.#slots.get(text) ?? -1);
  }

  /** Whether `slot` stands for `text`. */
  is(slot: number, text: string): boolean {
    return this.#texts[slot] === text;
  }

  /** Whether a text that has no slot should get one; if not, it is sent as it is. */
  get worthwhile(): boolean {
    if (this.#texts.length < SLOTS_COMMANDS) return true;
    this.#passed = (this.#passed + 1) % RARELY;
    return this.#passed === 0;
  }

  /** A slot for a text that has none. What it stood for before has none any more. */
  add(text: string): number {
    const slot = this.#next;
    this.#next = (slot + 1) % SLOTS_COMMANDS;
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
