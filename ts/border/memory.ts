// The memory that contents arrive in. Deliveries refer to it, and so do reports that applications
// keep: it is written once, front to back, and then left to them.

/** Size of a piece of memory in bytes: a report that is kept pins a whole piece. */
const SIZE = 32 << 10;
/** The same while so much arrives that pieces are soon full. */
const LARGEST = 128 << 10;
/**
 * Wake-ups that a piece lasts: with fewer the next is twice as large, with more as small as at
 * first.
 */
const FEW = 4;
const MANY = 64;
/** With less than that part of a piece left, the next batch begins a new one. */
const LEAST = 1 / 4;

/** Memory of one environment that the native side fills, batch by batch. */
export class Memory {
  /** Made when there is something to take, and given up when it is full. */
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #size = SIZE;
  /** The wake-up, by its number, in which the current piece was begun. */
  #begun = Number.NEGATIVE_INFINITY;

  /** Memory with room from `at` on. `wake`: counts the wake-ups. */
  bytes(wake: number): Buffer {
    // An application that transfers the ArrayBuffer of a report leaves none of it: its length is 0.
    if (this.#bytes.length - this.#at < this.#size * LEAST) {
      const lasted = wake - this.#begun;
      if (lasted < FEW) this.#size = Math.min(2 * this.#size, LARGEST);
      else if (lasted > MANY) this.#size = SIZE;
      this.#begun = wake;
      this.#bytes = Buffer.allocUnsafeSlow(this.#size);
      this.#at = 0;
    }
    return this.#bytes;
  }

  /** Where `bytes` are free. */
  get at(): number {
    return this.#at;
  }

  /** What lies before `end` belongs to a batch now. */
  taken(end: number): void {
    this.#at = end;
  }
}

/** Bytes of a content. Throws TypeError if an application has transferred them away. */
export function view(buffer: ArrayBuffer, offset: number, length: number): Uint8Array {
  return new Uint8Array(buffer, offset, length);
}
