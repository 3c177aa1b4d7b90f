// Requests of this side that wait for their outcome. A key is an integer; no native promise, no
// timer and no closure per request exists on the other side of the border.

import { decodeContent } from "../content/content.js";
import { type Delivered, NetsvcError, RequestError, ServiceFailure } from "../errors.js";
import { requestError } from "./codes.js";
import type { Holder } from "./open-work.js";
import type { OutcomeRecord } from "./records.js";
import { STATUS_FAILURE, STATUS_RESPONSE } from "./staging.js";

interface Slot {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly signal: AbortSignal | undefined;
  readonly abort: (() => void) | undefined;
  readonly part: PartSink | undefined;
}

/** Takes the parts of a streamed result, before its outcome. */
export type PartSink = (kind: number, bytes: Uint8Array) => void;

/** Slots by key. A slot is settled exactly once: whoever settles it takes it out. */
export class Pending {
  readonly #slots = new Map<number, Slot>();
  readonly #work: Holder;
  readonly #cancel: (key: number) => Delivered;
  #last = 0;

  /** `cancel` gives up a request at the native side, and says whether it was delivered. */
  constructor(work: Holder, cancel: (key: number) => Delivered) {
    this.#work = work;
    this.#cancel = cancel;
  }

  /**
   * Sends a request with the key given to `send`. When `signal` aborts, it is cancelled and the
   * promise rejects at once. `part` takes the parts of a streamed result.
   */
  add(
    signal: AbortSignal | undefined,
    send: (key: number) => void,
    part?: PartSink,
  ): Promise<unknown> {
    if (signal?.aborted) return Promise.reject(cancelled(signal, "no"));
    return new Promise((resolve, reject) => {
      const key = this.#key();
      let abort: (() => void) | undefined;
      if (signal !== undefined) {
        abort = () => {
          if (this.#take(key) !== undefined) reject(cancelled(signal, this.#cancel(key)));
        };
        signal.addEventListener("abort", abort, { once: true });
      }
      this.#slots.set(key, { resolve, reject, signal, abort, part });
      this.#work.add();
      try {
        send(key);
      } catch (error) {
        this.#take(key);
        reject(error);
      }
    });
  }

  /** A part of a streamed result arrived. */
  part(key: number, kind: number, bytes: Uint8Array): void {
    this.#slots.get(key)?.part?.(kind, bytes);
  }

  /** The outcome of a request arrived; of one that was cancelled before it is dropped. */
  settle(record: OutcomeRecord): void {
    const slot = this.#take(record.key);
    if (slot === undefined) return;
    try {
      if (record.status === STATUS_RESPONSE) {
        slot.resolve(decodeContent(record.kind, record.bytes));
      } else if (record.status === STATUS_FAILURE) {
        slot.reject(serviceFailure(decodeContent(record.kind, record.bytes)));
      } else {
        const message = Buffer.from(
          record.bytes.buffer as ArrayBuffer,
          record.bytes.byteOffset,
          record.bytes.length,
        ).toString();
        slot.reject(requestError(record.kind, record.delivered, message));
      }
    } catch (error) {
      const message = error instanceof NetsvcError ? error.message : "the result is malformed";
      slot.reject(new RequestError("encoding", "yes", message, { cause: error }));
    }
  }

  /** Ends all that are left. */
  end(error: (this: void) => RequestError): void {
    for (const key of [...this.#slots.keys()]) this.#take(key)?.reject(error());
  }

  #take(key: number): Slot | undefined {
    const slot = this.#slots.get(key);
    if (slot === undefined) return undefined;
    this.#slots.delete(key);
    this.#work.remove();
    if (slot.abort !== undefined) slot.signal?.removeEventListener("abort", slot.abort);
    return slot;
  }

  #key(): number {
    do this.#last = (this.#last + 1) >>> 0;
    while (this.#slots.has(this.#last));
    return this.#last;
  }
}

function cancelled(signal: AbortSignal, delivered: Delivered): RequestError {
  return new RequestError("cancelled", delivered, "the request was cancelled", {
    cause: signal.reason,
  });
}

function serviceFailure(content: unknown): ServiceFailure {
  const { code, message, data } = Object(content) as Record<string, unknown>;
  return new ServiceFailure(
    typeof code === "string" ? code : "error",
    typeof message === "string" ? message : "",
    data,
  );
}
