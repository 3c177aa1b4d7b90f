/** When a value is alarming. `clear` below `raise`, or a value at the limit would flap. */
export interface Limits {
  readonly raise: number;
  readonly clear: number;
}

/** Which subjects have limits; in the units of telemetry. */
export function limitsOf(subject: string, processors: number): Limits | undefined {
  if (subject === "cpu.total") return { raise: 90, clear: 75 };
  if (subject === "memory.percent") return { raise: 90, clear: 85 };
  if (subject === "load.1m") return { raise: 4 * processors, clear: 3 * processors };
  if (subject.startsWith("temperature.")) return { raise: 85, clear: 80 };
  return undefined;
}

/** One alarm: raised by values of `raise` or above in a row, cleared by one below `clear`. */
export class Threshold {
  readonly limits: Limits;
  #raised = false;
  #inARow = 0;

  constructor(limits: Limits) {
    this.limits = limits;
  }

  get raised(): boolean {
    return this.#raised;
  }

  /** What changed by this value, if anything. */
  update(value: number): "raised" | "cleared" | undefined {
    this.#inARow = value >= this.limits.raise ? this.#inARow + 1 : 0;
    if (!this.#raised && this.#inARow >= IN_A_ROW) {
      this.#raised = true;
      return "raised";
    }
    if (this.#raised && value < this.limits.clear) {
      this.#raised = false;
      return "cleared";
    }
    return undefined;
  }
}

/** Processors are busy for a moment whenever a program starts; that is no reason for an alarm. */
const IN_A_ROW = 3;
