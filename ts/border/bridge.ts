// The border of one registry: the only place that calls its native object. Synchronous commands
// go through `command`, which hands over packed ones before, so that they keep their order.

import type { Budget } from "./budget.js";
import { command } from "./codes.js";
import { Commands } from "./commands.js";
import { Deliveries, type Sink } from "./deliveries.js";
import type { Memory } from "./memory.js";
import type { Native, NativeEnvironment, NativeRegistry } from "./native.js";

/**
 * Words of one batch of deliveries: some 1,400 reports, so that a batch ends by its bytes first.
 */
const WORDS = 16_384;
/** Requests past their deadline that are told of at once. */
const OVERDUE = 64;
/** Deliveries between two looks at the clock. */
const DELIVERIES_PER_LOOK = 8;

/** What a registry needs of its JavaScript environment. */
export interface BridgeEnvironment {
  readonly addon: Native;
  readonly native: NativeEnvironment;
  readonly memory: Memory;
  /** How often it was woken. */
  readonly wakes: number;
  add(bridge: Bridge): void;
  remove(bridge: Bridge): void;
}

export class Bridge {
  readonly commands: Commands;
  /** By which the native environment names it. */
  readonly no: number;
  readonly #environment: BridgeEnvironment;
  readonly #native: NativeRegistry;
  readonly #deliveries: Deliveries;
  readonly #words = new Uint32Array(WORDS);
  readonly #overdue = new Uint32Array(2 * OVERDUE);
  readonly #sink: Sink;
  #open = true;

  constructor(
    environment: BridgeEnvironment,
    options: { label: string; limits: Record<string, number> },
    sink: Sink,
  ) {
    this.#environment = environment;
    this.#sink = sink;
    this.#native = command(() => new environment.addon.NativeRegistry(environment.native, options));
    this.no = this.#native.no;
    this.#deliveries = new Deliveries(this.#words, sink);
    this.commands = new Commands(
      (bytes, length) => (this.#open ? this.#native.submit(bytes, length) : 0),
      (error) => sink.submitFailed(error),
    );
    environment.add(this);
  }

  /** Process id of the registry. */
  get id(): string {
    return this.#native.id;
  }

  /** Runs a synchronous native command after everything packed before it. */
  command<T>(run: (native: NativeRegistry) => T): T {
    this.commands.flush();
    return command(() => run(this.#native));
  }

  /** Hands over what is packed. */
  flush(): void {
    this.commands.flush();
  }

  /** Delivers what has arrived, within the budget. False: nothing was left when it looked. */
  deliver(budget: Budget): boolean {
    if (!this.#open) return false;
    // What handlers answer at once goes at the end of this, without waiting for that of the turn.
    this.commands.hold();
    try {
      return this.#deliver(budget);
    } finally {
      this.commands.release();
    }
  }

  /**
   * Tells of requests whose deadline has passed although a batch is not done: what it holds may
   * take the application long.
   */
  deliverOverdue(): void {
    for (let count = OVERDUE; this.#open && count === OVERDUE; ) {
      count = this.#native.overdue(this.#overdue);
      for (let index = 0; index < count; index++) {
        const [key = 0, delivered = 0] = this.#overdue.subarray(2 * index);
        this.#sink.overdue(key, delivered);
      }
    }
  }

  /** Nothing is delivered any more. */
  close(): void {
    this.commands.flush();
    this.#open = false;
    this.#native.dispose();
    this.#environment.remove(this);
  }

  #deliver(budget: Budget): boolean {
    const deliveries = this.#deliveries;
    // Whatever a batch left over from the last call said: a wake-up since then has been passed over
    // if the environment was going on already.
    let more = true;
    for (;;) {
      if (deliveries.done) {
        this.#fill(budget);
        more = this.#words[1] === 1;
      }
      for (let count = 0; count < DELIVERIES_PER_LOOK && !deliveries.done; count++)
        deliveries.deliver();
      if (!this.#open || (deliveries.done && !more)) return false;
      if (budget.exhausted) return true;
    }
  }

  /** The next batch; it may be empty although there is more, when what was read is not for here. */
  #fill(budget: Budget): void {
    const words = this.#words;
    const { memory, wakes } = this.#environment;
    const bytes = memory.bytes(wakes);
    const at = memory.at;
    // Credit that was granted meanwhile: without it what is read now would have to wait in a queue.
    this.commands.flush();
    const own = this.#native.drain(words, bytes, at);
    const end = words[2] ?? 0;
    if (own === null) memory.taken(end);
    budget.spend((words[0] ?? 0) * 4 + (own === null ? end - at : own.length));
    this.#deliveries.start(own ?? bytes, budget.now);
  }
}
