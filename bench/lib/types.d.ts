// The words of the benchmark. README.md says what is measured and how.

/** Where the hub of one measurement listens, and where files of that measurement may lie. */
export interface Place {
  readonly port: number;
  /** The same port, and others for peers that need several. */
  readonly ports: readonly number[];
  /** A Unix socket to be used instead of the port by peers that do. */
  readonly path: string;
  readonly folder: string;
}

/** How a client behaves where peers differ. */
export interface ClientOptions {
  /** Reconnect as fast as the peer's options allow, instead of as by default. */
  readonly fast?: boolean;
}

export interface Requester {
  request(content: Uint8Array): Promise<Uint8Array>;
}

export interface Publisher {
  publish(content: Uint8Array): void;
}

export interface SubscriberOptions extends ClientOptions {
  /** Patterns that this subscriber has; one of them matches what is published. */
  readonly patterns: number;
}

export interface Subscriber {
  /** Messages that the peer itself says were dropped; `undefined` where it does not count. */
  missed(): number | undefined;
}

/**
 * One product, or one way to use it. Functions that take a place run in a process of their own,
 * resolve when what they start is ready to be used, and import what they need themselves: a hub's
 * memory shall not contain a client.
 */
export interface Peer {
  /** Why it cannot be measured here; `undefined`: it can be. */
  missing(): Promise<string | undefined>;
  version(): Promise<string>;
  /** What is not as the product's defaults have it, and what else a reader must know. */
  readonly settings: readonly string[];

  /** The hub as a program of its own. */
  server?(place: Place): { program: string; args: string[] };
  /** Roles as programs of their own, which speak the protocol of lib/child.mjs. */
  program?(role: string, options: RoleOptions): { program: string; args: string[] };

  hub?(place: Place, limits: Limits): Promise<void>;
  requester?(place: Place, options: ClientOptions): Promise<Requester>;
  responder?(place: Place, options: ClientOptions): Promise<void>;
  publisher?(place: Place): Promise<Publisher>;
  subscriber?(
    place: Place,
    take: (content: Uint8Array) => void,
    options: SubscriberOptions,
  ): Promise<Subscriber>;
  /** A connected client that does nothing. */
  idle?(place: Place): Promise<void>;
  /**
   * The same as the program of a user: an ES module that is through with its top-level `await` when
   * it is connected, and stays.
   */
  idleProgram?(place: Place): string;
  /** Announces services that nobody calls. */
  announcer?(place: Place, count: number, limits: Limits): Promise<void>;
  /** Tells how many of the `count` services announced by `announcer` it sees, on every change. */
  watcher?(place: Place, count: number, seen: (visible: number) => void): Promise<void>;
  /** Loads the product, where the time for that shall not be measured. */
  load?(): Promise<unknown>;
}

/** Limits above the default that a workload needs, by the names netsvc gives them. */
export type Limits = Readonly<Record<string, number>>;

/** What a role process is told at its start. */
export interface RoleOptions {
  readonly place: Place;
  readonly [option: string]: unknown;
}

/** Figures of one measurement by the key of their column; `undefined`: does not apply. */
export type Figures = Readonly<Record<string, number | undefined>>;

export interface Column {
  readonly key: string;
  readonly title: string;
  /** How a figure is written: 3 significant digits, or with k and M. */
  readonly format: "number" | "count";
  /** Which direction is better; left out where neither is, or where it says nothing. */
  readonly better?: "more" | "less";
  /** Shown as a multiple of the reference's, too. The first column always is. */
  readonly compared?: boolean;
}

/** One question, with its answer in columns. The first column is the answer proper. */
export interface Workload {
  readonly id: string;
  readonly title: string;
  readonly columns: readonly Column[];
  /** Roles that a peer must have to take part. */
  readonly needs: ReadonlyArray<keyof Peer>;
  /** Roles do more than a peer's own programs can. */
  readonly scripted?: boolean;
  /** Who takes part if not everybody who can. */
  readonly peers?: readonly string[];
  /** What grows, and the values measured. */
  readonly growth?: { readonly title: string; readonly points: readonly number[] };
  /** Every process on one core. */
  readonly pinned?: boolean;
  /** Limits above the default that the measurement sets, to be printed. */
  limits?(point: number): Limits;
  measure(session: Session, point: number): Promise<Figures>;
}

export interface Settings {
  /** Length of a measured window in seconds. */
  readonly seconds: number;
}

/** The processes of one measurement. Everything started is gone when it ends. */
export interface Session {
  readonly settings: Settings;
  /** Starts the hub; `again`: at the same place as before. */
  hub(limits?: Limits): Promise<Child>;
  start(role: string, options?: Readonly<Record<string, unknown>>): Promise<Child>;
  /**
   * Starts the peer's `idleProgram`, or a Node that only waits; resolves when it has come to that.
   */
  program(which: "client" | "bare"): Promise<Program>;
  /** Takes the figures of `counted` over one window, with the CPU of everybody in `children`. */
  window(counted: readonly Child[], children: Readonly<Record<string, Child[]>>): Promise<Window>;
  /** The figures that `work` resolves with, and how busy the machine was meanwhile. */
  during(
    children: Readonly<Record<string, Child[]>>,
    work: () => Promise<Figures>,
  ): Promise<Figures>;
  /**
   * Passes progress of subscribers on to the publisher, so that no more than a window is under way.
   */
  relay(publisher: Child, subscribers: readonly Child[], window: number): void;
}

/** What happened between two looks at the clock. */
export interface Window {
  readonly count: number;
  /** Per second of the receivers' own clocks. */
  readonly rate: number;
  /** CPU in microseconds for each one counted, by the names given, and `total`. */
  readonly cpu: Readonly<Record<string, number>>;
  /** Share of all cores: everything, and what was none of this measurement's processes. */
  readonly busy: number;
  readonly other: number;
}

/** A process of a measurement that is not talked to. */
export interface Program {
  readonly pid: number;
  /** Ends it by SIGKILL, resolves when it is gone. */
  kill(): Promise<void>;
}

/** A process of a measurement. */
export interface Child extends Program {
  /** Sends a command; resolves with its answer. `limit`: seconds until it fails. */
  ask<T = unknown>(
    command: string,
    options?: Readonly<Record<string, unknown>>,
    limit?: number,
  ): Promise<T>;
  /** Tells without an answer. */
  tell(message: Readonly<Record<string, unknown>>): void;
  /** What the process says unasked. */
  onTold(listener: (message: Readonly<Record<string, number>>) => void): void;
}
