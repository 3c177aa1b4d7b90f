// The addon's interface without the addon: one registry whose only services are its own, and whose
// links are told what to do by the test. As much of it as the unit tests of ts/ need, no more.

import { forgetEnvironments } from "../../ts/border/environment.js";
import {
  type NativeListen,
  type NativeRegistry,
  type NativeTarget,
  replaceNative,
} from "../../ts/border/native.js";
import { DEADLINE_PASSED } from "../../ts/border/numbers.js";
import { Registry, type RegistryOptions } from "../../ts/registry.js";
import { CommandReader } from "./fake-commands.js";
import { Deliveries, packTexts, REPORT, type ReportFields } from "./fake-deliveries.js";
import { environments, FakeEnvironment } from "./fake-environment.js";
import {
  type FakeService,
  matches,
  type Owner,
  packCommon,
  packServices,
  type Wanted,
} from "./fake-services.js";

/** A command that reached the native side, in order, for tests to look at. */
export type Seen = readonly [name: string, ...args: unknown[]];

/** Code of the core's CommandError as the addon throws it. */
export function nativeError(code: string, message = code): Error {
  return Object.assign(new Error(message), { code });
}

export class FakeRegistry implements NativeRegistry {
  readonly id: string = "ab".repeat(16);
  readonly no: number = registries.length + 1;
  readonly options: { label: string; limits?: Record<string, number> };
  readonly seen: Seen[] = [];
  /** Credits by subscription and by watch. */
  readonly credits: Map<number, number> = new Map();
  readonly watchCredits: Map<number, number> = new Map();
  /** What `submit` returns. */
  queued = 0;
  /** Set to make the next synchronous command throw it. */
  failure: Error | undefined;
  readonly deliveries: Deliveries;
  readonly #owner: Owner;
  readonly #services = new Map<number, FakeService>();
  readonly #subscriptions = new Map<
    number,
    { kind: number; target: string; pattern: RegExp; waiting: Array<() => void> }
  >();
  readonly #watches = new Map<number, Wanted>();
  readonly #requests = new Map<number, ReturnType<typeof setTimeout>>();
  /** Parts that may still be sent, by request. */
  readonly parts: Map<number, number> = new Map();
  /** Requests that wait for a provider. */
  readonly #parked = new Map<number, Record<string, unknown>>();
  /** Exchanges that are open. */
  readonly exchanges: Set<number> = new Set();
  readonly #commands = new CommandReader();
  #last = 0;
  #revision = 0;

  constructor(
    environment: FakeEnvironment,
    options: { label: string; limits?: Record<string, number> },
  ) {
    this.options = options;
    this.deliveries = new Deliveries(() => environment.signal(this.no));
    this.#owner = { id: this.id, label: options.label };
    registries.push(this);
  }

  createExchange(role: 0 | 1, group: string, interval: number, dead: number, ask: boolean): number {
    this.#command("createExchange", role, group, interval, dead, ask);
    const exchange = ++this.#last;
    this.exchanges.add(exchange);
    return exchange;
  }

  listen(exchange: number, target: NativeListen, token: number): void {
    this.#command("listen", exchange, target, token);
  }

  connect(exchange: number, target: NativeTarget): number {
    this.#command("connect", exchange, target);
    return ++this.#last;
  }

  authorise(link: number, may: boolean): void {
    this.#command("authorise", link, may);
  }

  closeLink(link: number, drainMs: number): void {
    this.#command("closeLink", link, drainMs);
  }

  closeExchange(exchange: number, drainMs: number): void {
    this.#command("closeExchange", exchange, drainMs);
    if (this.exchanges.delete(exchange)) this.deliveries.add([8, exchange]);
  }

  close(drainMs: number): void {
    this.#command("close", drainMs);
    for (const exchange of this.exchanges) this.deliveries.add([8, exchange]);
    this.exchanges.clear();
  }

  dispose(): void {
    this.seen.push(["dispose"]);
    for (const timer of this.#requests.values()) clearTimeout(timer);
  }

  createService(name: string, audience: string, groups: string[], methods: string[]) {
    this.#command("createService", name, audience, groups, methods);
    const no = ++this.#last;
    const service = { no, name, audience, groups: new Set(groups), methods };
    this.#services.set(no, { ...service, sequence: 0, known: false });
    this.#changed(0, no);
    for (const [key, fields] of [...this.#parked]) {
      if (fields.target !== name) continue;
      this.#parked.delete(key);
      this.#request(fields);
    }
    return { no, counter: no };
  }

  closeService(service: number): void {
    this.#command("closeService", service);
    this.#changed(1, service);
    this.#services.delete(service);
  }

  join(service: number, group: string): boolean {
    this.#command("join", service, group);
    const groups = this.#services.get(service)?.groups ?? new Set();
    if (groups.has(group)) return false;
    groups.add(group);
    this.#changed(2, service, group);
    return true;
  }

  leave(service: number, group: string): boolean {
    this.#command("leave", service, group);
    return this.#services.get(service)?.groups.delete(group) ?? false;
  }

  lookup(name?: string, identity?: string, group?: string): Uint8Array {
    this.#command("lookup", name, identity, group);
    const wanted = { name, identity, group };
    const found = [...this.#services.values()].filter((s) => matches(this.#owner, s, wanted));
    return packServices(this.#owner, found);
  }

  watch(name?: string, identity?: string, group?: string): number {
    this.#command("watch", name, identity, group);
    const watch = ++this.#last;
    const wanted = { name, identity, group };
    this.#watches.set(watch, wanted);
    this.watchCredits.set(watch, 256);
    for (const service of this.#services.values()) {
      if (matches(this.#owner, service, wanted)) this.#change(watch, 0, service, "", true);
    }
    this.#change(watch, 4, undefined, "", false);
    return watch;
  }

  unwatch(watch: number): void {
    this.#command("unwatch", watch);
    this.#watches.delete(watch);
  }

  subscribe(
    kind: number,
    target: string,
    pattern: string,
    reports: number,
    bytes: number,
    latest: boolean,
  ): number {
    this.#command("subscribe", kind, target, pattern, reports, bytes, latest);
    const subscription = ++this.#last;
    const source = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*");
    const regexp = new RegExp(`^${source.replace(/\?/g, ".")}$`, "s");
    this.#subscriptions.set(subscription, { kind, target, pattern: regexp, waiting: [] });
    this.credits.set(subscription, 1024);
    return subscription;
  }

  unsubscribe(subscription: number): void {
    this.#command("unsubscribe", subscription);
    this.#subscriptions.delete(subscription);
  }

  /** All services: what a subscription concerns is the core's business. */
  publishers(subscription: number): Uint8Array {
    this.#command("publishers", subscription);
    return packServices(this.#owner, [...this.#services.values()]);
  }

  publishTo(no: number, subject: string, kind: number, content: Uint8Array, to: string): boolean {
    this.#command("publishTo", no, subject, kind, content.length, to);
    return true;
  }

  cancel(key: number): number {
    this.#command("cancel", key);
    if (!this.#requests.has(key)) return 255;
    const delivered = this.#parked.has(key) ? 0 : 2;
    this.deliveries.add([4, key, 0, 0]);
    this.#outcome(key, 2, 8, delivered, Buffer.from("cancelled"));
    return delivered;
  }

  publish(
    no: number,
    subject: string,
    kind: number,
    content: Uint8Array,
    lifetimeMs: number,
  ): boolean {
    this.#command("publish", no, subject, kind, content.length, lifetimeMs);
    this.#publish(no, subject, kind, content);
    return true;
  }

  flush(exchange: number, timeoutMs: number): number {
    this.#command("flush", exchange, timeoutMs);
    return ++this.#last;
  }

  track(process: string): boolean {
    this.#command("track", process);
    return process === "cd".repeat(16);
  }

  missed(subscription: number): number {
    this.#command("missed", subscription);
    return 7;
  }

  submit(buffer: Uint8Array, length: number): number {
    this.seen.push(["submit", length]);
    for (const command of this.#commands.read(buffer, length)) {
      this.seen.push([command.name, ...Object.values(command.fields)]);
      this.#run(command);
    }
    return this.queued;
  }

  overdue(): number {
    return 0;
  }

  drain(words: Uint32Array): Uint8Array | null {
    return this.deliveries.drain(words);
  }

  /** A report as the network would bring it. */
  report(subscription: number, options: Partial<ReportFields> = {}): void {
    const fields = { ...REPORT, ...options };
    const flags = (fields.replayed ? 1 : 0) | (fields.resumed ? 2 : 0);
    this.deliveries.service(fields.service, `${this.id}.${fields.service}`, fields.name);
    const subject = this.deliveries.string(fields.subject);
    const { service, sequence, missed, kind, content } = fields;
    const high = Math.floor(sequence / 2 ** 32);
    this.deliveries.addContent(
      [2, subscription, service, subject, sequence >>> 0, high, flags, missed, kind],
      content,
      fields.extensions,
    );
  }

  /** An event of a link: 0 active, 1 inactive, 2 attemptFailed, 3 closed, 4 authorise. */
  link(
    what: number,
    exchange: number,
    link: number,
    options: { attempt?: number; reason?: number; retryMs?: number; texts?: string[] } = {},
  ): void {
    const { attempt = 1, reason = 0, retryMs = 0xffff_ffff, texts } = options;
    this.deliveries.add(
      [7, what, exchange, link, attempt, reason, retryMs],
      packTexts(texts ?? ["cd".repeat(16), "hub:1", "127.0.0.1:11111", "it broke"]),
    );
  }

  /** Brings a part, as a handler elsewhere would send it. */
  part(key: number, kind: number, content: Uint8Array): void {
    this.#part(key, kind, content);
  }

  /** Answers a request, as a handler elsewhere would. */
  answer(key: number, kind: number, content: Uint8Array): void {
    this.#outcome(key, 0, kind, 1, content);
  }

  /** How many requests have no outcome yet. */
  get pending(): number {
    return this.#requests.size;
  }

  /** Ends a request with a failure of the framework. */
  fail(key: number, code: number, delivered: number, message: string): void {
    this.#outcome(key, 2, code, delivered, Buffer.from(message));
  }

  #run({ name, fields }: { name: string; fields: Record<string, unknown> }): void {
    const content = fields.content as Uint8Array;
    const number = (field: string) => fields[field] as number;
    switch (name) {
      case "request":
        this.#request(fields);
        break;
      case "part":
        this.#part(number("low"), number("kind"), content);
        break;
      case "grantParts": {
        const key = number("key");
        const parts = this.parts.get(key);
        if (parts === undefined) break;
        this.parts.set(key, parts + number("parts"));
        this.deliveries.add([17, key, 0, number("parts")]);
        break;
      }
      case "respond":
        this.#outcome(number("low"), number("status"), number("kind"), 1, content);
        break;
      case "publish":
        this.#publish(number("service"), fields.subject as string, number("kind"), content);
        break;
      case "grant":
        this.#grant(number("subscription"), number("reports"));
        break;
      case "grantWatch": {
        const watch = number("watch");
        this.watchCredits.set(watch, (this.watchCredits.get(watch) ?? 0) + number("changes"));
      }
    }
  }

  /** The call's number is the request's key: own services answer own requests. */
  #request(fields: Record<string, unknown>): void {
    const key = fields.key as number;
    const target = fields.target as string;
    const timeout = setTimeout(() => {
      this.deliveries.add([4, key, 0, 2]);
      const delivered = this.#parked.has(key) ? 0 : 2;
      this.#outcome(key, 2, 7, delivered, Buffer.from(DEADLINE_PASSED));
    }, fields.timeoutMs as number);
    clearTimeout(this.#requests.get(key));
    this.#requests.set(key, timeout);
    if ((fields.parts as number) > 0) this.parts.set(key, fields.parts as number);
    const service = [...this.#services.values()].find(
      ({ no, name }) => target === (fields.targetKind === 0 ? name : `${this.id}.${no}`),
    );
    if (service === undefined && fields.wait === true) {
      this.#parked.set(key, fields);
      return;
    }
    if (service === undefined) {
      this.#outcome(key, 2, 1, 0, Buffer.from(`no service ${target}`));
      return;
    }
    const method = this.deliveries.string(fields.method as string);
    const caller = this.deliveries.string("cd".repeat(16));
    const label = this.deliveries.string("host:1");
    this.deliveries.addContent(
      [
        3,
        key,
        0,
        service.no,
        method,
        fields.timeoutMs as number,
        fields.parts as number,
        caller,
        label,
        fields.kind as number,
      ],
      fields.content as Uint8Array,
      (fields.extensions as Uint8Array | undefined) ?? new Uint8Array(),
    );
  }

  /** Throws what the core would refuse: nobody may send more than was granted. */
  #part(key: number, kind: number, content: Uint8Array): void {
    const parts = this.parts.get(key);
    if (parts === undefined) return;
    if (parts === 0) throw new Error("more parts than granted");
    this.parts.set(key, parts - 1);
    this.deliveries.add([16, key, kind], content);
  }

  #outcome(key: number, status: number, kind: number, delivered: number, data: Uint8Array): void {
    if (!this.#requests.has(key)) return;
    clearTimeout(this.#requests.get(key));
    this.#requests.delete(key);
    this.#parked.delete(key);
    this.parts.delete(key);
    this.deliveries.add([5, key, status, kind, delivered], data);
  }

  #publish(no: number, subject: string, kind: number, content: Uint8Array): void {
    const service = this.#services.get(no);
    if (service === undefined) return;
    const sequence = ++service.sequence;
    const copy = Uint8Array.from(content);
    for (const [number, { kind: by, target, pattern, waiting }] of this.#subscriptions) {
      const fits = [service.name, `${this.id}.${no}`][by] ?? target;
      if (fits !== target || !pattern.test(subject)) continue;
      if (by === 2 && !service.groups.has(target)) continue;
      waiting.push(() =>
        this.report(number, {
          service: no,
          name: service.name,
          subject,
          sequence,
          kind,
          content: copy,
        }),
      );
      this.#grant(number, 0);
    }
  }

  #grant(subscription: number, reports: number): void {
    let credit = (this.credits.get(subscription) ?? 0) + reports;
    const waiting = this.#subscriptions.get(subscription)?.waiting ?? [];
    for (; credit > 0 && waiting.length > 0; credit--) waiting.shift()?.();
    this.credits.set(subscription, credit);
  }

  #changed(status: number, no: number, group = ""): void {
    this.#revision += 1;
    const service = this.#services.get(no);
    if (service === undefined) return;
    for (const [watch, wanted] of this.#watches) {
      if (matches(this.#owner, service, wanted)) this.#change(watch, status, service, group, false);
    }
  }

  #change(
    watch: number,
    status: number,
    service: FakeService | undefined,
    group: string,
    replayed: boolean,
  ): void {
    const slot = group === "" ? 0xffff_ffff : this.deliveries.string(group);
    const fixed = [6, watch, status, this.#revision, 0, replayed ? 1 : 0, slot];
    if (service === undefined) {
      this.deliveries.add([...fixed, 0, 0, 0, 0xffff_ffff]);
      return;
    }
    const name = Buffer.from(service.name);
    const at = this.deliveries.data(name);
    const common = this.deliveries.data(packCommon(this.#owner, service));
    this.deliveries.add([...fixed, service.no, at, name.length, common]);
  }

  #command(...seen: Seen): void {
    this.seen.push(seen);
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
  }
}

const registries: FakeRegistry[] = [];

/** A registry on a fake addon of its own. */
export function fakeRegistry(options: RegistryOptions = {}): {
  registry: Registry;
  native: FakeRegistry;
  environment: FakeEnvironment;
} {
  replaceNative({
    stderrTakes: () => true,
    writeToStderr: () => true,
    Environment: FakeEnvironment,
    NativeRegistry: FakeRegistry as never,
    NativeHub: undefined as never,
  });
  forgetEnvironments();
  const registry = new Registry({ label: "test", log: "off", ...options });
  void registry.id;
  const native = registries.at(-1);
  const environment = environments.at(-1);
  if (native === undefined || environment === undefined) throw new Error("no fake was made");
  return { registry, native, environment };
}
