// What all registries of one JavaScript environment (main thread or worker) share: the wake-up,
// the count of open work, and the exit hook. Made on first use, and once more if registries differ
// in where their sockets are read.

import { inEmptyContext } from "../internal/async-context.js";
import { OpenWork } from "../internal/open-work.js";
import { type Io, type IoMode, wantedMode } from "../options/io.js";
import type { Bridge, BridgeEnvironment } from "./bridge.js";
import { Budget } from "./budget.js";
import { Memory } from "./memory.js";
import { loadNative, type Native, type NativeEnvironment } from "./native.js";

/** Numbers of registries that are asked for at once. */
const READY_WORDS = 64;
/** Node's own, whatever an application puts in its place later. */
const soon = setImmediate;

/** The native environment with the bridges of its registries. */
export class Environment implements BridgeEnvironment {
  readonly native: NativeEnvironment;
  readonly addon: Native;
  readonly work: OpenWork;
  /** For what arrives at any registry: one after the other uses it, so it stays in the cache. */
  readonly memory: Memory = new Memory();
  /** How often this was woken. */
  wakes: number = 0;
  /** By their numbers. */
  readonly #bridges = new Map<number, Bridge>();
  /** Those that have deliveries, the next to be served first. */
  readonly #waiting = new Set<Bridge>();
  readonly #ready = new Uint32Array(READY_WORDS);
  readonly #exit = (): void => this.#leave();
  /** Delivers, whatever context this was made in, and whatever an earlier delivery has left. */
  readonly #wake = (): void => inEmptyContext(() => this.#deliver());
  #continuing = false;

  constructor(addon: Native, mode: IoMode) {
    this.addon = addon;
    this.native = new addon.Environment(() => {
      if (!this.#continuing) this.#wake();
    }, mode === "loop");
    this.work = new OpenWork((held) => (held ? this.native.ref() : this.native.unref()));
    process.once("exit", this.#exit);
  }

  add(bridge: Bridge): void {
    this.#bridges.set(bridge.no, bridge);
  }

  remove(bridge: Bridge): void {
    this.#bridges.delete(bridge.no);
    this.#waiting.delete(bridge);
  }

  /** Takes the exit hook back. */
  detach(): void {
    process.off("exit", this.#exit);
  }

  #deliver(): void {
    // They have something left of the turn before. Nothing of the application runs in this.
    for (const bridge of this.#waiting) bridge.deliverOverdue();
    const budget = new Budget();
    this.wakes += 1;
    this.#noteReady();
    // Nothing else wakes for what is left, also when an error ends this.
    let left = true;
    try {
      left = this.#deliverWithin(budget);
    } finally {
      if (left) {
        this.#continuing = true;
        soon(() => {
          this.#continuing = false;
          this.#wake();
        });
      }
    }
  }

  /** True: the budget ended before the deliveries. */
  #deliverWithin(budget: Budget): boolean {
    for (const bridge of this.#waiting) {
      // If something is left it goes to the end, behind those that got nothing.
      this.#waiting.delete(bridge);
      let left = true;
      try {
        left = bridge.deliver(budget);
      } finally {
        if (left && this.#bridges.has(bridge.no)) this.#waiting.add(bridge);
      }
      if (left) return true;
    }
    return false;
  }

  /** Asks which registries have deliveries; where there is one only, it is that. */
  #noteReady(): void {
    if (this.#bridges.size === 1) {
      for (const bridge of this.#bridges.values()) this.#waiting.add(bridge);
      return;
    }
    let count: number;
    do {
      count = this.native.ready(this.#ready);
      for (let index = 0; index < count; index++) {
        const bridge = this.#bridges.get(this.#ready[index] ?? 0);
        if (bridge !== undefined) this.#waiting.add(bridge);
      }
    } while (count === READY_WORDS);
  }

  /** What is packed goes to the sockets as far as they take it without waiting. */
  #leave(): void {
    for (const bridge of this.#bridges.values()) bridge.flush();
    this.native.close();
  }
}

const shared = new Map<IoMode, Environment>();

/** The environment of this thread for registries with that option. */
export function environment(io: Io): Environment {
  const mode = wantedMode(io);
  let found = shared.get(mode);
  if (found === undefined) {
    found = new Environment(loadNative(), mode);
    shared.set(mode, found);
  }
  return found;
}

/** Forgets all environments; for tests that put another native side in their place. */
export function forgetEnvironments(): void {
  for (const each of shared.values()) each.detach();
  shared.clear();
}
