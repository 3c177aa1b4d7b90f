// Bad input at the border: a typed error, and everything goes on working.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bytes, Commands, Environment, NativeRegistry, type Party, Station } from "./native.mjs";

const identity = `${"0".repeat(32)}.1`;
let station: Station;
let party: Party;
let native: NativeRegistry;

beforeAll(() => {
  station = new Station();
  party = station.registry("errors");
  native = party.native;
});
afterAll(() => station.environment.close());

function code(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).not.toBe("");
    return (error as { code?: unknown }).code;
  }
  return "no error";
}

/** A service answers a request, so the registry still works. */
async function works() {
  const { no } = native.createService("alive", "", [], ["ping"]);
  party.submit(new Commands().request(1, "alive", "ping", bytes("?")));
  const invoke = await party.next("invoke");
  party.submit(new Commands().respond(invoke.call as bigint, 0, bytes("!")));
  expect(await party.next("outcome")).toMatchObject({ key: 1, status: 0 });
  native.closeService(no);
}

describe("values out of range", () => {
  const none = new Uint8Array();
  const shared = new ArrayBuffer(1024);
  it.each<[string, () => unknown]>([
    ["a role", () => native.createExchange(2, "", 1, 1, false)],
    ["a heartbeat of NaN", () => native.createExchange(0, "", Number.NaN, 1, false)],
    ["a negative heartbeat", () => native.createExchange(0, "", 1, -1, false)],
    ["a port", () => native.listen(1, { port: 65_536, hosts: ["127.0.0.1"] }, 1)],
    ["listening nowhere", () => native.listen(1, {}, 1)],
    ["connecting nowhere", () => native.connect(1, { retry: -1 })],
    ["a retry of 0", () => native.connect(1, { host: "a", port: 1, retry: 0 })],
    ["a retry of -3", () => native.connect(1, { host: "a", port: 1, retry: -3 })],
    ["a retry of NaN", () => native.connect(1, { host: "a", port: 1, retry: Number.NaN })],
    ["a drain time", () => native.close(-1)],
    ["an endless flush", () => native.flush(1, Number.POSITIVE_INFINITY)],
    ["an identity", () => native.lookup(undefined, "1.1")],
    ["an identity to watch", () => native.watch(undefined, identity.replace(".", ""))],
    ["an identity to subscribe to", () => native.subscribe(1, "x.1", "*", 1, 1, false)],
    ["a kind of target", () => native.subscribe(3, "x", "*", 1, 1, false)],
    ["a limit of a subscription", () => native.subscribe(0, "x", "*", 0.5, 1, false)],
    ["a kind of content", () => native.publish(1, "a", 256, none, 0)],
    ["a lifetime", () => native.publish(1, "a", 0, none, -2)],
    ["a receiver", () => native.publishTo(1, "a", 0, none, "0")],
    ["a kind of content for one", () => native.publishTo(1, "a", 256, none, "0".repeat(32))],
    ["a process id", () => native.track("0")],
    ["a process id of other characters", () => native.track("g".repeat(32))],
    ["an array too short for deliveries", () => native.drain(new Uint32Array(63), none, 0)],
    [
      "memory that is the words'",
      () => native.drain(new Uint32Array(shared), new Uint8Array(shared), 0),
    ],
    ["a negative limit", () => station.registry("x", { limits: { outbox: -1 } })],
    ["a fractional limit", () => station.registry("x", { limits: { links: 1.5 } })],
  ])("%s: invalid", (_, action) => {
    expect(code(action)).toBe("invalid");
  });
});

describe("commands that the core refuses", () => {
  it("say why by their code", () => {
    const exchange = native.createExchange(1, "twice", 5000, 15_000, false);
    expect(code(() => native.createExchange(0, "twice", 5000, 15_000, false))).toBe(
      "exchange-exists",
    );
    const nowhere = { host: "127.0.0.1", port: 1, retry: -1 };
    expect(code(() => native.connect(exchange, nowhere))).toBe("role");
    expect(code(() => native.publish(4_000_000_000, "a", 0, bytes("x"), 0))).toBe("closed");
  });

  it("are delivered and counted when they were packed", async () => {
    const commands = new Commands();
    for (let n = 0; n < 5; n += 1) commands.publish(4_000_000_000, `s${n}`, bytes("x"));
    party.submit(commands);
    const failed = await party.next("commandFailed");
    expect(failed).toMatchObject({ op: 4, count: 5 });
    expect((failed.texts as string[])[0]).toBe("closed");
    expect((failed.texts as string[])[1]).toContain("s0");
  });

  it("end a request to what is no identity with no-service", async () => {
    party.submit(new Commands().request(9, "nonsense", "m", bytes(""), { kind: 1 }));
    const outcome = await party.next("outcome");
    expect(outcome).toMatchObject({ key: 9, status: 2, how: 1, delivered: 0 });
  });
});

describe("values of the wrong type", () => {
  const wrong: unknown[] = [undefined, null, "x", 1, true, {}, [], () => {}, Symbol("s"), 1n];
  const methods = Object.getOwnPropertyNames(NativeRegistry.prototype).filter(
    (name) => !["constructor", "id", "dispose", "close"].includes(name),
  );

  it.each(methods)("%s throws or ignores them", async (name) => {
    const method = Reflect.get(native, name) as (...values: unknown[]) => unknown;
    for (const value of wrong)
      for (let count = 0; count < 6; count += 1)
        try {
          Reflect.apply(method, native, Array(count).fill(value));
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
  });

  it("leave the registry working", works);

  it("are refused by the constructors", () => {
    const make = (type: unknown, ...values: unknown[]) =>
      code(() => Reflect.construct(type as new () => unknown, values));
    for (const value of wrong.filter((value) => typeof value !== "function"))
      expect(make(Environment, value)).not.toBe("no error");
    for (const value of wrong) {
      expect(make(NativeRegistry, value, { label: "x" })).not.toBe("no error");
      expect(make(NativeRegistry, station.environment, value)).not.toBe("no error");
    }
  });

  it("are refused as receivers", () => {
    const { drain } = NativeRegistry.prototype;
    for (const receiver of [{}, station.environment, Object.create(native)])
      expect(() =>
        Reflect.apply(drain, receiver, [new Uint32Array(64), new Uint8Array(), 0]),
      ).toThrow();
  });

  it("are refused as buffers", () => {
    expect(() => native.submit(new Uint32Array(4) as unknown as Uint8Array, 1)).toThrow();
    const wrongWords = new Uint8Array(1024) as unknown as Uint32Array;
    expect(() => native.drain(wrongWords, new Uint8Array(), 0)).toThrow();
    const wrongMemory = new Uint32Array(64) as unknown as Uint8Array;
    expect(() => native.drain(new Uint32Array(64), wrongMemory, 0)).toThrow();
    const detached = new Uint8Array(64);
    structuredClone(detached, { transfer: [detached.buffer] });
    expect(code(() => native.submit(detached, 1))).toBe("malformed");
  });
});

describe("a malformed command buffer", () => {
  const valid = new Commands()
    .request(70, "nobody", "m", bytes("argument"))
    .part(0xffff_ffffn, bytes("late"))
    .grantParts(70, 3)
    .respond(0xffff_ffffn, 0, bytes("late"))
    .publish(4_000_000_000, "subject", bytes("content"))
    .publishText(4_000_000_000, "subject", bytes("content"))
    .grant(1, 5);

  it("is refused wherever it is cut, unless between commands", () => {
    const ends = new Set<number>();
    for (let length = 0; length <= valid.length; length += 1)
      if (code(() => native.submit(valid.bytes, length)) === "no error") ends.add(length);
      else expect(code(() => native.submit(valid.bytes, length))).toBe("malformed");
    // Before the first, and after each, of which three define strings.
    expect(ends.size).toBe(11);
  });

  it("is refused when the length exceeds it", () => {
    const { length } = valid.bytes;
    expect(code(() => native.submit(valid.bytes, length + 1))).toBe("malformed");
    expect(code(() => native.submit(valid.bytes, 0xffff_ffff))).toBe("malformed");
  });

  it("is refused when it uses a slot that is not defined, or defines one out of order", () => {
    const fresh = station.registry("slots");
    const malformed = (commands: Commands) =>
      expect(code(() => fresh.submit(commands))).toBe("malformed");
    malformed(new Commands().publishSlot(1, 0, bytes("x")));
    malformed(new Commands().define(1, bytes("early")));
    malformed(new Commands().define(0, Uint8Array.of(0xff)));
    malformed(new Commands().define(0, bytes("s")).publishSlot(1, 1, bytes("x")));
    // None of them defined anything.
    malformed(new Commands().publishSlot(1, 0, bytes("x")));
    const all = new Commands();
    for (let slot = 0; slot < 4096; slot += 1) all.define(slot, bytes(`s${slot}`));
    fresh.submit(all);
    malformed(new Commands().define(4096, bytes("one too many")));
  });

  it("runs nothing of what precedes the fault", async () => {
    party.drain();
    party.deliveries.length = 0;
    const commands = new Commands().request(71, "nobody", "m", bytes("")).put(Uint8Array.of(99));
    expect(code(() => party.submit(commands))).toBe("malformed");
    party.submit(new Commands().request(72, "nobody", "m", bytes("")));
    expect(await party.next("outcome")).toMatchObject({ key: 72 });
  });

  it("never does worse, whatever its bytes", async () => {
    let seed = 12_345;
    const random = () => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return seed >>> 16;
    };
    const original = valid.bytes.slice(0, valid.length);
    for (let round = 0; round < 5000; round += 1) {
      const mutated = original.slice();
      for (let flips = 1 + (random() % 4); flips > 0; flips -= 1)
        mutated[random() % mutated.length] = random() % 256;
      expect(["no error", "malformed"]).toContain(
        code(() => native.submit(mutated, mutated.length)),
      );
    }
    party.drain();
    party.deliveries.length = 0;
    await works();
  });
});
