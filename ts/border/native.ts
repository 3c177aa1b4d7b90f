// The native side as this library sees it: the same names in the same order as crates/netsvc-node.
// Private, and versioned together with it. Everything is synchronous.

import { loadAddon } from "./addon.js";
import { surroundings } from "./installation.js";
import { loadFailure } from "./load-failure.js";

/** One per JavaScript environment (main thread or worker). */
export interface NativeEnvironment {
  /** What the wish for the event loop came to. */
  readonly io: "loop" | "thread";
  /** Keeps the event loop alive; a flag, not a counter. */
  ref(): void;
  unref(): void;
  /**
   * Fills `numbers` with those of registries that have deliveries, each once until it has new ones;
   * returns how many. If they fill the array there may be more.
   */
  ready(numbers: Uint32Array): number;
  close(): void;
}

/** Where a connecting link goes. */
export interface NativeTarget {
  host?: string;
  port?: number;
  path?: string;
  /** With a port: not by the Unix socket that a hub may offer beside a loopback address. */
  tcpOnly?: boolean;
  /** RETRY_BACKOFF, RETRY_ONCE, or seconds. */
  retry: number;
}

/** What a server binds. */
export interface NativeListen {
  port?: number;
  hosts?: string[];
  path?: string;
  /** With a port: no Unix socket beside a loopback address. */
  tcpOnly?: boolean;
}

/** One registry. Failures are Errors with the stable code of the core's CommandError. */
export interface NativeRegistry {
  /** Process id, 32 hexadecimal digits. */
  readonly id: string;
  /** Its number in its environment, see `ready` there. */
  readonly no: number;
  createExchange(
    role: 0 | 1,
    group: string,
    intervalMs: number,
    deadMs: number,
    authorise: boolean,
  ): number;
  listen(exchange: number, target: NativeListen, token: number): void;
  connect(exchange: number, target: NativeTarget): number;
  /** Answers a LINK delivery that asked who may be linked. */
  authorise(link: number, may: boolean): void;
  closeLink(link: number, drainMs: number): void;
  closeExchange(exchange: number, drainMs: number): void;
  close(drainMs: number): void;
  /** Ends everything at once; nothing is delivered any more. */
  dispose(): void;
  createService(
    name: string,
    audience: string,
    groups: string[],
    methods: string[],
  ): { no: number; counter: number };
  closeService(service: number): void;
  join(service: number, group: string): boolean;
  leave(service: number, group: string): boolean;
  lookup(name?: string, identity?: string, group?: string): Uint8Array;
  watch(name?: string, identity?: string, group?: string): number;
  unwatch(watch: number): void;
  subscribe(
    kind: number,
    target: string,
    pattern: string,
    maxReports: number,
    maxBytes: number,
    latest: boolean,
  ): number;
  unsubscribe(subscription: number): void;
  /** Packed as the result of `lookup`. */
  publishers(subscription: number): Uint8Array;
  publish(
    service: number,
    subject: string,
    contentKind: number,
    content: Uint8Array,
    lifetimeMs: number,
    extensions?: Uint8Array,
  ): boolean;
  publishTo(
    service: number,
    subject: string,
    contentKind: number,
    content: Uint8Array,
    process: string,
    extensions?: Uint8Array,
  ): boolean;
  /** Whether the request was delivered: 0 no, 2 unknown; 255: it had its outcome already. */
  cancel(key: number): number;
  flush(exchange: number, timeoutMs: number): number;
  track(process: string): boolean;
  missed(subscription: number): number;
  submit(commands: Uint8Array, length: number): number;
  /**
   * Requests whose deadline has passed, told before what `drain` has given: fills pairs of key and,
   * as `cancel`, whether it was delivered. Returns how many; if they fill the array there may be
   * more.
   */
  overdue(pairs: Uint32Array): number;
  drain(words: Uint32Array, memory: Uint8Array, at: number): Uint8Array | null;
}

/** A hub as a program: netsvcd's arguments, its log on stderr and its exit codes. */
export interface NativeHub {
  /** A signal that this process got, by Node's name. */
  signal(name: string): void;
}

/** The addon's exports. */
export interface Native {
  /** Whether stderr takes a line of 4 KiB without waiting for its reader. */
  stderrTakes(): boolean;
  /** Writes a line to stderr, unless its reader would have to be waited for: false. */
  writeToStderr(line: string): boolean;
  /** `onLoop`: Node's event loop may be used; never true under another runtime. */
  Environment: new (
    wake: () => void,
    onLoop: boolean,
  ) => NativeEnvironment;
  NativeRegistry: new (
    environment: NativeEnvironment,
    options: { label: string; limits?: Record<string, number> },
  ) => NativeRegistry;
  /** `notice`: what the log begins with. `ended` gets the exit code; the process is to end then. */
  NativeHub: new (
    args: string[],
    notice: string | undefined,
    ended: (code: number) => void,
  ) => NativeHub;
}

let native: Native | undefined;

/** Loads the addon on first use, so that importing the package does nothing. */
export function loadNative(): Native {
  if (native === undefined) {
    const where = surroundings();
    try {
      native = loadAddon(where) as Native;
    } catch (cause) {
      throw loadFailure(cause, where);
    }
  }
  return native;
}

/** Puts another implementation in the addon's place; for tests of this layer alone. */
export function replaceNative(replacement: Native): void {
  native = replacement;
}
