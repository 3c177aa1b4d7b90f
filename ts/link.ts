import { LinkError } from "./errors.js";
import { now } from "./internal/clock.js";
import { type Deferred, deferred, handled } from "./internal/deferred.js";
import { showAs } from "./internal/shown.js";
import { drainMs } from "./options/checks.js";

/**
 * `connecting` (an attempt is under way), `active`, `waiting` (for the next attempt), or `closed`
 * for good.
 */
export type LinkState = "connecting" | "active" | "waiting" | "closed";

/** The process at the other end. */
export interface Peer {
  /** Its id, 32 hexadecimal digits; empty as long as it has not introduced itself. */
  readonly process: string;
  /** Its label, by default `host:pid`; empty as long as it has not introduced itself. */
  readonly label: string;
  /**
   * Its address as the transport names it; empty when there was no connection. Of a client that
   * came by a Unix socket it is where the hub listens.
   */
  readonly address: string;
}

/** What a link asks of its exchange. @internal */
export interface LinkOwner {
  /** Whether the registry still takes commands. */
  readonly open: boolean;
  closeLink(link: number, drain: number): void;
  /** A promise somebody waits for keeps the process alive. */
  hold(): void;
  release(): void;
}

/**
 * One connection between two exchanges, through all its attempts. `exchange.connect` makes one; at
 * a server, each accepted connection is one and ends with it.
 *
 * As long as it is not closed, also while waiting, it keeps the process alive (see
 * `exchange.unref`).
 */
export class Link {
  readonly #number: number;
  readonly #owner: LinkOwner;
  #state: LinkState;
  /** When `waiting` becomes `connecting`, in milliseconds of `now()`. */
  #retryAt = Number.POSITIVE_INFINITY;
  #peer: Peer | undefined;
  #reason: LinkError | undefined;
  #attempt = 0;
  #ready: Deferred<void> | undefined;
  #closed: Deferred<void> | undefined;

  static {
    showAs("Link", Link.prototype);
  }

  /** @internal */
  constructor(number: number, owner: LinkOwner) {
    this.#number = number;
    this.#owner = owner;
    this.#state = "connecting";
  }

  get state(): LinkState {
    // Nobody tells when an attempt begins; it begins when it was announced to.
    if (this.#state === "waiting" && now() >= this.#retryAt) return "connecting";
    return this.#state;
  }

  /** The peer, as far as it is known; while not active, the last one. */
  get peer(): Peer | undefined {
    return this.#peer;
  }

  /** Why the last attempt failed or the link was last lost. */
  get reason(): LinkError | undefined {
    return this.#reason;
  }

  /** Attempts since the last activation, from 1. */
  get attempt(): number {
    return this.#attempt;
  }

  /**
   * Resolved while the link is active; else resolves at its next activation, when the peer's
   * services are in the registry. Rejects only when the link is closed for good: with a LinkError
   * `closed` whose cause is the last reason. Never an unhandled rejection by itself. While it is
   * pending, it keeps the process alive.
   */
  get ready(): Promise<void> {
    if (this.#state === "active") return Promise.resolve();
    if (this.#state === "closed") return handled(Promise.reject(this.#closedError()));
    if (this.#ready === undefined) {
      this.#ready = deferred();
      this.#owner.hold();
    }
    return this.#ready.promise;
  }

  /**
   * Closes the link for good: what is queued leaves within `drain` seconds (5), then the
   * connection ends. Resolves when that is done; closing again waits for the same.
   */
  close(options: { drain?: number | undefined } = {}): Promise<void> {
    const drain = drainMs(options.drain);
    if (this.#state === "closed") return Promise.resolve();
    if (this.#closed === undefined) {
      this.#closed = deferred();
      this.#owner.hold();
      if (this.#owner.open) this.#owner.closeLink(this.#number, drain);
    }
    return this.#closed.promise;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Its state, for `JSON.stringify` and logs; so it is printed, too. */
  toJSON(): object {
    const { state, attempt, peer } = this;
    const reason = this.#reason && { code: this.#reason.code, message: this.#reason.message };
    return { state, attempt, peer, reason };
  }

  /** What a delivery says about it. @internal */
  update(
    what: "active" | "inactive" | "attemptFailed" | "closed",
    peer: Peer | undefined,
    change: {
      readonly reason: LinkError | undefined;
      readonly attempt: number;
      readonly retryIn: number | undefined;
    },
  ): void {
    this.#attempt = change.attempt;
    if (peer !== undefined) this.#peer = peer;
    if (change.reason !== undefined) this.#reason = change.reason;
    if (what === "active") {
      this.#state = "active";
      this.#settle(this.#ready, (ready) => ready.resolve());
      this.#ready = undefined;
    } else if (what === "closed") {
      this.finish();
    } else {
      this.#state = "waiting";
      this.#retryAt =
        change.retryIn === undefined ? Number.POSITIVE_INFINITY : now() + change.retryIn * 1000;
    }
  }

  /** It is closed for good. @internal */
  finish(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#settle(this.#ready, (ready) => ready.reject(this.#closedError()));
    this.#settle(this.#closed, (closed) => closed.resolve());
    this.#ready = undefined;
    this.#closed = undefined;
  }

  #settle(waiting: Deferred<void> | undefined, settle: (waiting: Deferred<void>) => void): void {
    if (waiting === undefined) return;
    settle(waiting);
    this.#owner.release();
  }

  #closedError(): LinkError {
    const last = this.#reason;
    return new LinkError(
      "closed",
      last === undefined ? "the link is closed" : `the link is closed: ${last.message}`,
      last === undefined ? undefined : { cause: last },
    );
  }
}
