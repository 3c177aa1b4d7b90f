import { type Authorise, mayLink, partsOf } from "./authorise.js";
import type { LinkDelivery } from "./border/deliveries.js";
import type { NativeListen, NativeTarget } from "./border/native.js";
import { FLUSH_DONE, FLUSH_LINK_LOST, ROLE_CLIENT, ROLE_SERVER } from "./border/numbers.js";
import { ClosedError, LinkError, ListenError, TimeoutError } from "./errors.js";
import { Emitter } from "./events.js";
import type { Core, ExchangeSink } from "./internal/core.js";
import { type Deferred, deferred, unlessAborted } from "./internal/deferred.js";
import { LinkLog } from "./internal/link-log.js";
import { OpenWork } from "./internal/open-work.js";
import { showAs } from "./internal/shown.js";
import { onAbort } from "./internal/signals.js";
import { Link, type LinkOwner } from "./link.js";
import type { LinkEvent } from "./link-event.js";
import * as check from "./options/checks.js";
import { Log, type LogOption } from "./options/log.js";
import { checkTcpOnly, parseTcpOnly } from "./options/tcp-only.js";
import { coreOf, registry as defaultRegistry, type Registry } from "./registry.js";

/** Role of an exchange that connects to a hub. */
export const EXCHANGE_CLIENT: 0 = ROLE_CLIENT;
/** Role of an exchange that is the hub: it listens, and relays between its clients. */
export const EXCHANGE_SERVER: 1 = ROLE_SERVER;
/** `EXCHANGE_SERVER` or `EXCHANGE_CLIENT`. */
export type ExchangeRole = typeof EXCHANGE_CLIENT | typeof EXCHANGE_SERVER;

/** Options of an exchange. */
export interface ExchangeOptions {
  /** Exchange group: only exchanges of one group talk. Default `""`. */
  group?: string | undefined;
  /** The registry whose services it exchanges. Default: that of this JavaScript environment. */
  registry?: Registry | undefined;
  /**
   * Seconds. A heartbeat is sent when nothing was sent for `interval` (5); a peer is dead when
   * nothing arrived for `dead` (three intervals), or for three of its own intervals if longer.
   */
  heartbeat?: { interval?: number | undefined; dead?: number | undefined } | undefined;
  /**
   * For servers: decides who is linked, with the address and what the process says of itself.
   * Called in the handshake, which it may keep waiting for 5 s in all; other links go on meanwhile.
   *
   * Only `true` accepts; anything else, a throw or a rejection refuses. The refused peer hears
   * `denied` and no more, and tries again every 2.5–5 s. What was thrown is reported as
   * `callbackError` of the registry, unless it is a LinkError `denied`; so is what is neither
   * `true` nor `false`.
   */
  authorise?: Authorise | undefined;
  /** Where messages about its links go. Default: as the registry's. */
  log?: LogOption | undefined;
}

/** Where to listen with TCP. */
export interface ListenOptions {
  /**
   * A name or address of this machine, or several; all at the same port. Default: loopback only,
   * both `127.0.0.1` and `::1`. Everybody who reaches the port can use it: anything wider is to be
   * chosen on purpose.
   */
  host?: string | readonly string[] | undefined;
  /**
   * True: nothing but TCP. Otherwise, on Linux, a Unix socket accompanies each loopback address,
   * and clients that are told the address go by it, for less time and processor per message. It has
   * an abstract name, `@netsvc/127.0.0.1:11111`, and is open to whoever reaches the address.
   */
  tcpOnly?: boolean | undefined;
}

/** Where a hub listens with TCP. */
export interface TcpAddress {
  /** The port, also when it was given as 0. */
  readonly port: number;
  /** The first address. */
  readonly host: string;
  /** All addresses. */
  readonly hosts: readonly string[];
}

/** Where a hub listens with a Unix socket. */
export interface UnixAddress {
  readonly path: string;
}

/** Where a client connects: `host` and `port`, or `path`. */
export interface ConnectOptions {
  /**
   * A name, resolved anew at each attempt, or an address, that of IPv6 in brackets or without.
   * Default `localhost`.
   */
  host?: string | undefined;
  port?: number | undefined;
  /** Path of a Unix socket, instead of host and port. */
  path?: string | undefined;
  /** See `connect`. */
  retry?: number | undefined;
  /**
   * True: by TCP even where a hub of this machine offers a Unix socket beside its loopback
   * address, see `ListenOptions`. Default: the environment variable NETSVC_TCP_ONLY (`1` or `0`),
   * else false.
   */
  tcpOnly?: boolean | undefined;
  /** Closes the link when it aborts. */
  signal?: AbortSignal | undefined;
}

/** What `connect` takes besides host, port and retry. */
export type ConnectExtras = Pick<ConnectOptions, "signal" | "tcpOnly">;

/** Events of an exchange. */
export interface ExchangeEvents {
  /** A link is active: the peer's services are in the registry already. */
  active: LinkEvent;
  /** An active link was lost or closed: what it brought has been withdrawn already. */
  inactive: LinkEvent;
  /** An attempt failed; at a server: somebody connected and did not become a client. */
  attemptFailed: LinkEvent;
}

/**
 * An endpoint of the message exchange: the hub that listens, or a client that connects to it and
 * stays connected by itself. At most one per exchange group and registry.
 *
 * Network trouble is told by events and in `link.reason`, never thrown. While it listens, or has a
 * link that is not closed, it keeps the process alive; see `unref`.
 */
export class Exchange extends Emitter<ExchangeEvents> {
  readonly role: ExchangeRole;
  readonly group: string;
  readonly #core: Core;
  readonly #authorise: Authorise | undefined;
  readonly #number: number;
  readonly #work: OpenWork;
  readonly #links = new Map<number, Link>();
  /** By link: no longer waits for its signal. */
  readonly #signals = new Map<number, () => void>();
  readonly #log: LinkLog;
  readonly #owner: LinkOwner;
  #listeners = 0;
  #closing: Deferred<void> | undefined;
  #closed = false;

  static {
    showAs("Exchange", Exchange.prototype);
  }

  /**
   * Makes the endpoint; `listen` or `connect` follow. Throws an ExchangeError `exchange-exists`
   * when the registry has one for that group.
   */
  constructor(role: ExchangeRole, options?: ExchangeOptions);
  constructor(role: ExchangeRole, group: string, options?: ExchangeOptions);
  constructor(
    role: ExchangeRole,
    groupOrOptions: string | ExchangeOptions = {},
    rest: ExchangeOptions = {},
  ) {
    const options =
      typeof groupOrOptions === "string" ? { ...rest, group: groupOrOptions } : groupOrOptions;
    if (role !== EXCHANGE_CLIENT && role !== EXCHANGE_SERVER) {
      throw new RangeError("role must be EXCHANGE_SERVER or EXCHANGE_CLIENT");
    }
    const group = check.name(options.group ?? "", "group", true);
    const heartbeat = check.heartbeatMs(options.heartbeat);
    const { authorise } = options;
    if (authorise !== undefined && (role !== EXCHANGE_SERVER || typeof authorise !== "function")) {
      throw new TypeError("authorise must be a function, and is for EXCHANGE_SERVER only");
    }
    const core = coreOf(options.registry ?? defaultRegistry);
    super((callback, argument) => core.guard(callback, argument));
    this.role = role;
    this.group = group;
    this.#core = core;
    this.#authorise = authorise;
    this.#log = new LinkLog(
      options.log === undefined ? core.options.log : new Log(core.options.label, options.log),
    );
    this.#work = OpenWork.within(core.work);
    this.#owner = {
      get open() {
        return core.open;
      },
      closeLink: (link, drain) => core.command((native) => native.closeLink(link, drain)),
      hold: () => core.work.add(),
      release: () => core.work.remove(),
    };
    this.#number = core.command((native) =>
      native.createExchange(
        role,
        group,
        heartbeat.interval,
        heartbeat.dead,
        authorise !== undefined,
      ),
    );
    core.exchanges.set(this.#number, this.#sink());
  }

  /** Links that are not closed. */
  get links(): readonly Link[] {
    return [...this.#links.values()];
  }

  /** What it is, for `JSON.stringify` and logs; so it is printed, too. */
  toJSON(): object {
    const role = this.role === EXCHANGE_SERVER ? "server" : "client";
    return { role, group: this.group, links: this.links, closed: this.#closed };
  }

  /**
   * Listens at a TCP port, 0 for a free one, of the loopback addresses or of `host`; or at a Unix
   * socket (mode 0660; a dead socket file is replaced). Resolves with where it listens. Rejects
   * with a ListenError, or an ExchangeError `role` on a client.
   */
  listen(port: number, options?: ListenOptions): Promise<TcpAddress>;
  listen(options: { path: string }): Promise<UnixAddress>;
  async listen(
    where: number | { path: string },
    options: ListenOptions = {},
  ): Promise<TcpAddress | UnixAddress> {
    this.#assertOpen();
    if (typeof where === "object") {
      const path = check.socketPath(where.path);
      await this.#listen({ path });
      return { path };
    }
    const port = check.port(where, 0);
    const { host } = options;
    const tcpOnly = checkTcpOnly(options.tcpOnly ?? false);
    if (host === undefined) return this.#listenLoopback(port, tcpOnly);
    const hosts = typeof host === "string" ? [host] : [...host];
    if (hosts.length === 0) throw new RangeError("host must name at least one address");
    return tcpAddress(await this.#listen({ port, hosts: hosts.map(check.host), tcpOnly }));
  }

  /**
   * Connects to a hub and keeps connecting: returns at once, `link.ready` tells of success. The
   * default host is `localhost`, whose name, as any, is resolved anew at each attempt.
   *
   * `retry`: above 0 a fixed delay in seconds between attempts and before reconnecting, for ever
   * (below 0.01 counts as 0.01; at most the registry's `maxRetry`); -1 one attempt, never again;
   * omitted, after 0–100 ms, then every 125–250 ms while the outage is younger than 10 s, then
   * doubling up to 2.5–5 s, for ever.
   *
   * Throws RangeError for other values, TypeError for what does not go together, and an
   * ExchangeError: `role` on a server, `already-connected` while the link of an earlier `connect`
   * is not closed. A NetsvcError `invalid` if NETSVC_TCP_ONLY is neither 0 nor 1.
   */
  connect(host: string, port: number, retry?: number, options?: ConnectExtras): Link;
  connect(options: ConnectOptions): Link;
  connect(
    where: string | ConnectOptions,
    port?: number,
    retry?: number,
    rest: ConnectExtras = {},
  ): Link {
    this.#assertOpen();
    const options: ConnectOptions =
      typeof where === "object"
        ? where
        : {
            ...rest,
            host: where,
            ...(port === undefined ? {} : { port }),
            ...(retry === undefined ? {} : { retry }),
          };
    const target = connectTarget(options, this.#core.options.maxRetry);
    const signal = check.signal(options.signal);
    const number = this.#core.command((native) => native.connect(this.#number, target));
    const link = this.#addLink(number);
    const abort = () => void link.close({ drain: 0 });
    if (signal?.aborted) abort();
    else if (signal !== undefined) this.#signals.set(number, onAbort(signal, abort));
    return link;
  }

  /**
   * Resolves when each peer has applied everything sent to it before: announcements, interest,
   * reports. Rejects with a LinkError `link-lost`, or after `timeout` seconds (5) with a
   * TimeoutError, or with a CancelledError when `signal` aborts.
   */
  async flush(
    options: { timeout?: number | undefined; signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    this.#assertOpen();
    const core = this.#core;
    const timeout = options.timeout ?? check.DEFAULT_TIMEOUT;
    const timeoutMs = check.timeoutMs(timeout, core.options.maxTimeout);
    const signal = check.signal(options.signal);
    const number = core.command((native) => native.flush(this.#number, timeoutMs));
    const result = await unlessAborted(core.flushes.add(number), signal).catch((error) => {
      core.flushes.reject(number, error); // cancelled: it no longer keeps the process alive
      throw error;
    });
    if (result === FLUSH_LINK_LOST) {
      throw new LinkError("link-lost", "a link was lost before its peer had applied everything");
    }
    if (result !== FLUSH_DONE) {
      throw new TimeoutError(`the peers did not apply everything within ${timeout} s`);
    }
  }

  /**
   * Closes listeners and links for good: what is queued leaves within `drain` seconds (5). Resolves
   * when all is closed; closing again waits for the same. The exchange group is free then.
   */
  close(options: { drain?: number | undefined } = {}): Promise<void> {
    const drain = check.drainMs(options.drain);
    if (this.#closed) return Promise.resolve();
    if (this.#closing === undefined) {
      this.#closing = deferred();
      this.#core.work.add();
      if (this.#core.open) {
        this.#core.command((native) => native.closeExchange(this.#number, drain));
      }
    }
    return this.#closing.promise;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Its listeners and links no longer keep the process alive. Promises somebody waits for do. */
  unref(): this {
    this.#work.enable(false);
    return this;
  }

  /** Takes `unref` back. */
  ref(): this {
    this.#work.enable(true);
    return this;
  }

  async #listenLoopback(port: number, tcpOnly: boolean): Promise<TcpAddress> {
    try {
      return tcpAddress(await this.#listen({ port, hosts: ["127.0.0.1", "::1"], tcpOnly }));
    } catch (error) {
      // Where IPv6 is switched off, the other loopback is all of it.
      const missing = error instanceof ListenError && NO_SUCH_ADDRESS.has(error.code);
      if (!missing) throw error;
      return tcpAddress(await this.#listen({ port, hosts: ["127.0.0.1"], tcpOnly }));
    }
  }

  async #listen(target: NativeListen): Promise<string[]> {
    this.#work.add();
    try {
      const token = this.#core.nextToken();
      const listening = this.#core.listens.add(token);
      try {
        this.#core.command((native) => native.listen(this.#number, target, token));
      } catch (error) {
        this.#core.listens.reject(token, error as Error);
      }
      const addresses = await listening;
      if (this.#closed) throw new ClosedError("the exchange");
      this.#listeners += 1;
      return addresses;
    } catch (error) {
      this.#work.remove();
      throw error;
    }
  }

  #sink(): ExchangeSink {
    return { link: (delivery) => this.#linkDelivery(delivery), closed: () => this.#finish() };
  }

  #linkDelivery(delivery: LinkDelivery): void {
    if (delivery.what === "authorise") {
      void this.#decide(delivery);
      return;
    }
    let link = this.#links.get(delivery.link);
    if (link === undefined) {
      // A server hears of an accepted link when it is active, or when it failed before.
      if (delivery.what === "closed" || delivery.what === "inactive") return;
      link = this.#addLink(delivery.link);
    }
    const known = delivery.process !== "" || delivery.address !== "";
    const peer = known
      ? { process: delivery.process, label: delivery.label, address: delivery.address }
      : undefined;
    const { what } = delivery;
    link.update(what, peer, delivery);
    // An accepted link has no further attempt and no delivery that says so.
    const ended = this.role === EXCHANGE_SERVER && delivery.what !== "active";
    if (ended || delivery.what === "closed") this.#removeLink(delivery.link);
    if (delivery.what === "closed") return;
    const event: LinkEvent = {
      link,
      peer: link.peer,
      reason: delivery.reason,
      attempt: delivery.attempt,
      retryIn: delivery.retryIn,
    };
    this.#log.event(delivery.what, event, this.role === EXCHANGE_SERVER);
    this.emit(delivery.what, event);
  }

  /** A handshake waits for this answer, until its deadline. */
  async #decide({ link, address, process, label, attempt }: LinkDelivery): Promise<void> {
    const core = this.#core;
    const authorise = this.#authorise ?? (() => false);
    const applicant = { address, ...partsOf(address), process, label, attempt };
    const may = await mayLink(authorise, applicant, core.options.callbackFailed);
    if (core.open && !this.#closed) core.command((native) => native.authorise(link, may));
  }

  #addLink(number: number): Link {
    const link = new Link(number, this.#owner);
    this.#links.set(number, link);
    this.#work.add();
    return link;
  }

  #removeLink(number: number): void {
    const link = this.#links.get(number);
    if (link === undefined) return;
    this.#links.delete(number);
    this.#signals.get(number)?.();
    this.#signals.delete(number);
    link.finish();
    this.#work.remove();
  }

  #finish(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const number of [...this.#links.keys()]) this.#removeLink(number);
    for (; this.#listeners > 0; this.#listeners--) this.#work.remove();
    if (this.#closing !== undefined) {
      this.#closing.resolve();
      this.#core.work.remove();
    }
  }

  #assertOpen(): void {
    if (this.#closed || this.#closing !== undefined) throw new ClosedError("the exchange");
  }
}

/** What binding an address that the machine does not have ends in. */
const NO_SUCH_ADDRESS: ReadonlySet<string> = new Set(["address-not-available", "unsupported"]);

function connectTarget(options: ConnectOptions, maxRetry: number): NativeTarget {
  const retry = check.retrySeconds(options.retry, maxRetry);
  if (options.path !== undefined) {
    if (options.host !== undefined || options.port !== undefined) {
      throw new TypeError("connect takes a host and port, or a path, not both");
    }
    if (checkTcpOnly(options.tcpOnly ?? false)) {
      throw new TypeError("a path is not reached by TCP: tcpOnly does not go with it");
    }
    return { path: check.socketPath(options.path), retry };
  }
  if (options.port === undefined) throw new TypeError("connect needs a port, or a path");
  return {
    host: check.host(options.host ?? "localhost"),
    port: check.port(options.port, 1),
    tcpOnly: parseTcpOnly(options.tcpOnly),
    retry,
  };
}

/** Of "host port" texts. */
function tcpAddress(texts: readonly string[]): TcpAddress {
  const hosts = texts.map((text) => text.slice(0, text.lastIndexOf(" ")));
  const first = texts[0] ?? " 0";
  return { port: Number(first.slice(first.lastIndexOf(" ") + 1)), host: hosts[0] ?? "", hosts };
}
