// A hub and a client in this process: one request and one report over loopback.

import { EXCHANGE_CLIENT, EXCHANGE_SERVER, Exchange } from "../exchange.js";
import type { IoMode } from "../options/io.js";
import { Registry } from "../registry.js";
import { Service } from "../service.js";

/** How it went; times in milliseconds. */
export type SelfTest =
  | {
      readonly ok: true;
      /** Where sockets are read here. */
      readonly io: IoMode;
      readonly connectMs: number;
      readonly requestMs: number;
      readonly reportMs: number;
    }
  | { readonly ok: false; readonly step: string; readonly error: string };

/** For each step, in seconds. */
const PATIENCE = 5;

/** Never rejects, and ends within some seconds. */
export async function selfTest(): Promise<SelfTest> {
  const registries: Registry[] = [];
  let step = "making registries";
  try {
    const [hubSide, clientSide] = ["doctor-hub", "doctor-client"].map((label) => {
      const registry = new Registry({ label, log: "off" });
      registries.push(registry);
      return registry;
    }) as [Registry, Registry];

    step = "listening on 127.0.0.1";
    const hub = new Exchange(EXCHANGE_SERVER, { registry: hubSide });
    const { port } = await hub.listen(0, { host: "127.0.0.1" });

    step = "connecting";
    const began = performance.now();
    const client = new Exchange(EXCHANGE_CLIENT, { registry: clientSide });
    await within(client.connect("127.0.0.1", port, 1).ready);
    const connectMs = elapsed(began);

    step = "a request";
    const service = new Service("netsvc-doctor", {
      registry: clientSide,
      methods: { echo: (_, value: unknown) => value },
    });
    const remote = await hubSide.waitFor("netsvc-doctor", { timeout: PATIENCE });
    const requested = performance.now();
    const answer = await remote.call("echo", ["über"], { timeout: PATIENCE });
    if (answer !== "über") throw new Error(`the answer was ${JSON.stringify(answer)}`);
    const requestMs = elapsed(requested);

    step = "a report";
    const subscription = hubSide.subscribe("netsvc-doctor", "pulse");
    // Its interest is in force at the other end.
    await hub.flush({ timeout: PATIENCE });
    const published = performance.now();
    service.publish("pulse", 42);
    const next = await within(subscription[Symbol.asyncIterator]().next());
    if (next.value?.content !== 42) throw new Error("the report was another one");
    return {
      ...{ ok: true, io: clientSide.io },
      ...{ connectMs, requestMs, reportMs: elapsed(published) },
    };
  } catch (error) {
    return { ok: false, step, error: (error as Error).message };
  } finally {
    await Promise.all(registries.map((registry) => registry.close({ drain: 0 }).catch(() => {})));
  }
}

function elapsed(since: number): number {
  return Math.round((performance.now() - since) * 100) / 100;
}

async function within<T>(promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const text = `nothing happened within ${PATIENCE} s`;
    timer = setTimeout(() => reject(new Error(text)), PATIENCE * 1000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
