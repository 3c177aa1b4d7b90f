// Hubs and clients that share this process: to each other they are processes, since each has a
// registry of its own. For whatever needs nobody killed.

import {
  type Change,
  EXCHANGE_CLIENT,
  EXCHANGE_SERVER,
  Exchange,
  type ExchangeOptions,
  type Limits,
  type Link,
  type LinkEvent,
  Registry,
  type Report,
  type ServiceFilter,
  type Subscription,
  type SubscriptionOptions,
  type SubscriptionTarget,
} from "netsvc";
import { afterEach } from "vitest";
import { eventually } from "./eventually.js";

/** What a member of the network is made with. */
export interface MemberOptions extends Omit<ExchangeOptions, "registry"> {
  label?: string;
  limits?: Limits;
  /** Of a client. Default 0.05; `null`: netsvc's own. */
  retry?: number | null;
  /** Of a hub. Default: a free one. */
  port?: number;
}

/** A registry that notes what happens to it. */
export class Member {
  readonly registry: Registry;
  /** What its exchange told, in order. */
  readonly told: Array<LinkEvent & { readonly event: "active" | "inactive" | "attemptFailed" }> =
    [];

  constructor({ label, limits }: MemberOptions = {}) {
    this.registry = new Registry({
      log: "off",
      ...(label !== undefined && { label }),
      ...(limits && { limits }),
    });
  }

  get id(): string {
    return this.registry.id;
  }

  /** The changes that a watch tells, as they come. */
  watch(filter?: string | ServiceFilter): Change[] {
    const changes: Change[] = [];
    this.registry.watch(filter, (change) => changes.push(change));
    return changes;
  }

  /** The reports that a subscription gets, as they come. */
  subscribe(
    target: SubscriptionTarget,
    pattern = "*",
    options: SubscriptionOptions = {},
  ): { reports: Report[]; subscription: Subscription } {
    const reports: Report[] = [];
    const subscription = this.registry.subscribe(
      target,
      pattern,
      (report) => reports.push(report),
      options,
    );
    return { reports, subscription };
  }

  /** Waits until it sees so many services of that name. */
  async sees(name: string, count = 1): Promise<void> {
    await eventually(() => this.registry.lookup(name).length === count);
  }

  /** Events of that name told by its exchange. */
  events(name: "active" | "inactive" | "attemptFailed"): LinkEvent[] {
    return this.told.filter(({ event }) => event === name);
  }

  /** An exchange of this registry, whose events are noted. */
  exchange(role: 0 | 1, options: MemberOptions = {}): Exchange {
    const { label: _label, limits: _limits, retry: _retry, port: _port, ...rest } = options;
    const exchange = new Exchange(role, { ...rest, registry: this.registry });
    for (const event of ["active", "inactive", "attemptFailed"] as const) {
      exchange.on(event, (told) => this.told.push({ ...told, event }));
    }
    return exchange;
  }
}

/** A member that listens. */
export class Hub extends Member {
  readonly hub: Exchange;
  port = 0;

  constructor(options: MemberOptions) {
    super({ label: "hub", ...options });
    this.hub = this.exchange(EXCHANGE_SERVER, options);
  }
}

/** A member that connects. */
export class Client extends Member {
  readonly client: Exchange;
  readonly link: Link;

  constructor(port: number, options: MemberOptions) {
    super({ label: "client", ...options });
    this.client = this.exchange(EXCHANGE_CLIENT, options);
    const retry = options.retry === undefined ? 0.05 : options.retry;
    this.link = this.client.connect({
      host: "127.0.0.1",
      port,
      ...(retry !== null && { retry }),
    });
  }

  /** Everything that this process sent has been applied by its hub. */
  async flush(): Promise<void> {
    await this.client.flush({ timeout: 10 });
  }
}

/** Makes members, and closes them after each test. */
export function useNetwork(): {
  /** Without an exchange. */
  alone(options?: MemberOptions): Member;
  hub(options?: MemberOptions): Promise<Hub>;
  /** Linked when this resolves. */
  client(to: number | { readonly port: number }, options?: MemberOptions): Promise<Client>;
  /** Still connecting. */
  connecting(port: number, options?: MemberOptions): Client;
} {
  const members: Member[] = [];
  function keep<M extends Member>(member: M): M {
    members.push(member);
    return member;
  }
  afterEach(async () => {
    await Promise.all(members.splice(0).map(({ registry }) => registry.close({ drain: 0 })));
  });
  return {
    alone: (options = {}) => keep(new Member(options)),
    async hub(options = {}) {
      const hub = keep(new Hub(options));
      // What a hub before it left behind may take a moment to be gone.
      const { port } = await eventually(() => hub.hub.listen(options.port ?? 0));
      hub.port = port;
      return hub;
    },
    async client(to, options = {}) {
      const client = keep(new Client(typeof to === "number" ? to : to.port, options));
      await client.link.ready;
      return client;
    },
    connecting: (port, options = {}) => keep(new Client(port, options)),
  };
}
