// The border of one registry: the only place that calls its native object. Synchronous commands
// go through `command`, which hands over packed ones before, so that they keep their order.

import { command } from "./codes.js";
import { Staging } from "./commands.js";
import { Records, type Sink } from "./deliveries.js";
import type { Budget, Environment } from "./environment.js";
import type { NativeRegistry } from "./native.js";

/** Words of one batch of records: some 1,400 reports, so that a batch ends by its bytes first. */
const RECORD_WORDS = 16_384;
/** Records between two looks at the clock. */
const RECORDS_PER_LOOK = 8;

export class Bridge {
  readonly staging: Staging;
  /** By which the native environment names it. */
  readonly no: number;
  readonly #environment: Environment;
  readonly #native: NativeRegistry;
  readonly #records: Records;
  readonly #words = new Uint32Array(RECORD_WORDS);
  #open = true;

  constructor(
    environment: Environment,
    options: { label: string; limits: Record<string, number> },
    sink: Sink,
  ) {
    this.#environment = environment;
    this.#native = command(() => new environment.addon.NativeRegistry(environment.native, options));
    this.no = this.#native.no;
    this.#records = new Records(this.#words, sink);
    this.staging = new Staging(
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
    this.staging.flush();
    return command(() => run(this.#native));
  }

  /** Hands over what is packed. */
  flush(): void {
    this.staging.flush();
  }

  /** Delivers what has arrived, within the budget. False: nothing was left when it looked. */
  deliver(budget: Budget): boolean {
    if (!this.#open) return false;
    // What handlers answer at once goes at the end of this, without waiting for that of the turn.
    this.staging.hold();
    try {
      return this.#deliver(budget);
    } finally {
      this.staging.release();
    }
  }

  /** Nothing is delivered any more. */
  close(): void {
    this.staging.flush();
    this.#open = false;
    this.#native.dispose();
    this.#environment.remove(this);
  }

  #deliver(budget: Budget): boolean {
    const records = this.#records;
    // Whatever a batch left over from the last call said: a wake-up since then has been passed over
    // if the environment was going on already.
    let more = true;
    for (;;) {
      if (records.done) {
        this.#fill(budget);
        more = this.#words[1] === 1;
      }
      for (let count = 0; count < RECORDS_PER_LOOK && !records.done; count++) records.deliver();
      if (!this.#open || (records.done && !more)) return false;
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
    this.staging.flush();
    const own = this.#native.drain(words, bytes, at);
    const end = words[2] ?? 0;
    if (own === null) memory.taken(end);
    budget.spend((words[0] ?? 0) * 4 + (own === null ? end - at : own.length));
    this.#records.start(own ?? bytes, budget.now);
  }
}
