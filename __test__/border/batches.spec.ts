// Deliveries cross packed; nothing is lost, doubled or reordered by the packing.

import { afterEach, describe, expect, it } from "vitest";
import {
  bytes,
  Commands,
  type Delivery,
  type Party,
  Slots,
  Station,
  text,
  texts16,
} from "./native.mjs";

const CHUNK = 32 * 1024;
const stations: Station[] = [];
afterEach(() => {
  for (const station of stations.splice(0)) station.environment.close();
});
function registry(words?: number) {
  const station = new Station();
  stations.push(station);
  const party = station.registry("batches", words === undefined ? {} : { words });
  return { station, party, native: party.native };
}

/** A service, and a subscription to all it publishes. */
function publisher(words?: number) {
  const all = registry(words);
  const service = all.native.createService("source", "", [], []).no;
  const subscription = all.native.subscribe(0, "source", "*", 65_536, 1 << 26, false);
  return { ...all, service, subscription };
}

async function reports(party: Party, count: number): Promise<Delivery[]> {
  const all: Delivery[] = [];
  while (all.length < count) all.push(await party.next("report"));
  return all;
}

describe("reports", () => {
  it("name service and subject, and carry the content", async () => {
    const { party, native, service, subscription } = publisher();
    native.publish(service, "t.kitchen", 1, bytes("21.5"), 0);
    const report = await party.next("report");
    const { identity, name } = report.service as { identity: string; name: string };
    expect(identity).toMatch(new RegExp(`^${native.id}\\.\\d+$`));
    expect(name).toBe("source");
    expect(report).toMatchObject({ subscription, no: service, subject: "t.kitchen", missed: 0 });
    expect(report).toMatchObject({ sequence: 1n, contentKind: 1 });
    expect(text(report.content)).toBe("21.5");
  });

  it("arrive all and in order through arrays as short as allowed", async () => {
    const { party, service } = publisher(64);
    const commands = new Commands();
    for (let n = 0; n < 500; n += 1) commands.publish(service, `s${n % 50}`, bytes(String(n)));
    party.submit(commands);
    const contents = (await reports(party, 500)).map((report) => text(report.content));
    expect(contents).toEqual(Array.from({ length: 500 }, (_, n) => String(n)));
  });

  it("keep their subjects apart beyond the number of slots", async () => {
    const { party, service, subscription } = publisher();
    const subject = (n: number) => `subject-${(n * 7919) % 6000}`;
    for (let start = 0; start < 10_000; start += 1000) {
      const commands = new Commands().grant(subscription, 1000);
      for (let n = start; n < start + 1000; n += 1)
        commands.publish(service, subject(n), bytes(subject(n)));
      party.submit(commands);
      for (const report of await reports(party, 1000))
        expect(text(report.content)).toBe(report.subject);
    }
  });

  it("carry the subject that their slot stood for when they were published", async () => {
    const { party, service } = publisher();
    const slots = new Slots();
    party.submit(new Commands(slots).publish(service, "one", bytes("1")));
    // Known from the buffer before, then given to another subject, and back.
    const commands = new Commands(slots).publish(service, "one", bytes("2"));
    commands.define(0, bytes("two")).publishSlot(service, 0, bytes("3"));
    commands.define(0, bytes("one")).publishSlot(service, 0, bytes("4"));
    party.submit(commands.publishText(service, "three", bytes("5")));
    const all = await reports(party, 5);
    expect(all.map(({ subject, content }) => [subject, text(content)])).toEqual([
      ["one", "1"],
      ["one", "2"],
      ["two", "3"],
      ["one", "4"],
      ["three", "5"],
    ]);
  });

  it("may be published with extension fields, in any way", async () => {
    const { party, native, service } = publisher();
    const fields = Uint8Array.of(2, 0, 3, 0, 97, 98, 99);
    const commands = new Commands().publish(service, "one", bytes("1"), fields);
    commands.publishText(service, "two", bytes("22"), fields).publish(service, "one", bytes("3"));
    party.submit(commands);
    native.publish(service, "four", 1, bytes("4"), 0, fields);
    native.publish(service, "five", 1, bytes("5"), -1, fields);
    native.publishTo(service, "six", 1, bytes("6"), native.id, fields);
    const told = await reports(party, 6);
    expect(told.map(({ content }) => text(content))).toEqual(["1", "22", "3", "4", "5", "6"]);
    const none = new Uint8Array();
    const carried = told.map(({ extensions }) => extensions);
    expect(carried).toEqual([fields, fields, none, fields, fields, fields]);
  });

  it("come in the memory lent, a larger one in memory of its own", async () => {
    const { party, service, native } = publisher();
    for (let n = 0; n < 40; n += 1) native.publish(service, "s", 0, new Uint8Array(4000), 0);
    native.publish(service, "s", 0, new Uint8Array(500_000).fill(7), 0);
    native.publish(service, "s", 0, bytes("last"), 0);
    const all = await reports(party, 42);
    const large = party.owned.filter((length) => length > CHUNK);
    expect(large).toHaveLength(1);
    expect(large[0]).toBeLessThan(501_000);
    expect(same(all[40]?.content, new Uint8Array(500_000).fill(7))).toBe(true);
    expect(text(all[41]?.content)).toBe("last");
  });

  it("come whatever is lent: nothing, what was transferred away, or what is used up", async () => {
    const { party, service, native } = publisher();
    const detached = new Uint8Array(1000);
    structuredClone(detached, { transfer: [detached.buffer] });
    for (const [memory, at] of [
      [new Uint8Array(), 0],
      [detached, 0],
      [detached, 500],
      [new Uint8Array(1000), 1000],
      [new Uint8Array(1000), 0xffff_ffff],
      [new Uint8Array(1000), 900],
      [new Uint8Array(1000), 4],
    ] as const) {
      party.memory = memory;
      party.at = at;
      party.drain = () => {};
      native.publish(service, "s", 0, bytes(`${memory.length} ${at}`), 0);
      const words = new Uint32Array(64);
      const own = native.drain(words, memory, at);
      // The content is the last of the batch.
      const [used = 0, , end = 0] = words;
      const [offset = 0, length = 0] = words.subarray(used - 2, used);
      const chunk = own ?? memory;
      expect(text(chunk.subarray(offset, offset + length))).toBe(`${memory.length} ${at}`);
      expect(offset + length).toBe(end);
      expect(own === null).toBe(at === 4);
    }
  });

  it("wait when JavaScript stops draining, for it to come back", async () => {
    const { station, party, service, native } = publisher();
    inTurns(party);
    for (let n = 0; n < 40; n += 1) native.publish(service, "s", 0, new Uint8Array(4000), 0);
    expect(await reports(party, 40)).toHaveLength(40);
    // Nothing wakes for what was left over, only for what comes later.
    expect(station.wakes).toBe(1);
    native.publish(service, "s", 0, bytes("later"), 0);
    expect(text((await party.next("report")).content)).toBe("later");
    expect(station.wakes).toBe(2);
  });

  it("wait also if only one is left, which did not fit", async () => {
    const { party, service, native } = publisher();
    inTurns(party);
    native.publish(service, "s", 0, bytes("small"), 0);
    native.publish(service, "s", 0, new Uint8Array(CHUNK + 1), 0);
    expect((await reports(party, 2))[1]?.content).toHaveLength(CHUNK + 1);
    expect(party.owned).toHaveLength(1);
  });
});

/** Takes one batch in each turn of the event loop. */
function inTurns(party: Party): void {
  party.drain = () => {
    party.drainOnce();
    if (party.words[1] === 1) setImmediate(() => party.drain());
  };
}

describe("requests", () => {
  it("invoke the method and bring each kind of result back", async () => {
    const { party, native } = registry();
    const { no } = native.createService("calculator", "", [], ["add"]);
    const ask = (key: number) =>
      party.submit(new Commands().request(key, "calculator", "add", bytes("1+1")));
    const answers: [number, number, string][] = [
      [0, 1, "2"],
      [1, 1, "failed"],
      [2, 2, "no such method"],
    ];
    for (const [status, how, content] of answers) {
      ask(status);
      const invoke = await party.next("invoke");
      expect(invoke).toMatchObject({ no, method: "add", caller: native.id, label: "batches" });
      expect(text(invoke.content)).toBe("1+1");
      expect(invoke.remaining).toBeGreaterThan(4000);
      expect(invoke.remaining).toBeLessThanOrEqual(5000);
      party.submit(new Commands().respond(invoke.call as bigint, status, bytes(content), how));
      const outcome = await party.next("outcome");
      expect(outcome).toMatchObject({ key: status, status, how });
      expect(text(outcome.content)).toBe(content);
    }
  });

  it("may carry extension fields there and back", async () => {
    const { party, native } = registry();
    native.createService("echo", "", [], ["echo"]);
    const extensions = Uint8Array.of(2, 0, 1, 0, 97);
    const commands = new Commands().request(1, "echo", "echo", bytes("ask"), { extensions });
    party.submit(commands.request(2, "echo", "echo", bytes("more")));
    for (const asked of ["ask", "more"]) {
      const { call, content, extensions: there } = await party.next("invoke");
      expect(text(content)).toBe(asked);
      expect(there).toEqual(asked === "ask" ? extensions : new Uint8Array());
      const answer = bytes(`${asked}?`);
      party.submit(new Commands().respond(call as bigint, 0, answer, 0, extensions));
      const { content: result, extensions: back } = await party.next("outcome");
      expect(text(result)).toBe(`${asked}?`);
      expect(back).toEqual(extensions);
    }
  });

  it("carry any key and any length of content", async () => {
    const { party, native } = registry();
    native.createService("echo", "", [], ["echo"]);
    for (const [key, length] of [
      [0, 0],
      [0xffff_ffff, 1],
      [5, CHUNK],
      [6, 700_000],
    ] as const) {
      const content = new Uint8Array(length).fill(key % 251);
      party.submit(new Commands().request(key, "echo", "echo", content));
      const invoke = await party.next("invoke");
      const sent = invoke.content as Uint8Array;
      party.submit(new Commands().respond(invoke.call as bigint, 0, sent));
      const outcome = await party.next("outcome");
      expect(outcome.key).toBe(key);
      expect(same(outcome.content, content)).toBe(true);
    }
  });

  it("are cancelled", async () => {
    const { party, native } = registry();
    native.createService("slow", "", [], ["wait"]);
    party.submit(new Commands().request(3, "slow", "wait", bytes("")));
    const invoke = await party.next("invoke");
    expect(native.cancel(3)).toBe(2);
    expect(await party.next("outcome")).toMatchObject({ key: 3, status: 2, how: 8 });
    expect(await party.next("abort")).toMatchObject({ call: invoke.call, reason: 0 });
    expect(native.cancel(3)).toBe(255);
  });

  it("that nobody has seen say so when they are cancelled", async () => {
    const { party, native } = registry();
    party.submit(new Commands().request(4, "nobody", "wait", bytes(""), { wait: true }));
    expect(native.cancel(4)).toBe(0);
    expect(await party.next("outcome")).toMatchObject({ key: 4, status: 2, how: 8, delivered: 0 });
  });

  it("wait for a provider if they are told to", async () => {
    const { party, native } = registry();
    party.submit(new Commands().request(5, "late", "hello", bytes("?"), { wait: true }));
    native.createService("late", "", [], ["hello"]);
    expect(await party.next("invoke")).toMatchObject({ method: "hello", parts: 0 });
  });

  it("bring results in parts, as many as are granted", async () => {
    const { party, native } = registry();
    native.createService("meter", "", [], ["history"]);
    party.submit(new Commands().request(6, "meter", "history", bytes(""), { parts: 2 }));
    const invoke = await party.next("invoke");
    expect(invoke.parts).toBe(2);
    const call = invoke.call as bigint;
    party.submit(new Commands().part(call, bytes("one")).part(call, bytes("")));
    expect(text((await party.next("part", ({ key }) => key === 6)).content)).toBe("one");
    expect(text((await party.next("part", ({ key }) => key === 6)).content)).toBe("");
    // A third would break the caller's credit.
    party.submit(new Commands().part(call, bytes("too many")));
    expect(await party.next("commandFailed")).toMatchObject({ op: 7, count: 1 });
    party.submit(new Commands().grantParts(6, 3));
    expect(await party.next("credit")).toMatchObject({ call, parts: 3 });
    party.submit(new Commands().part(call, bytes("three")).respond(call, 0, bytes("")));
    expect(text((await party.next("part")).content)).toBe("three");
    expect(await party.next("outcome")).toMatchObject({ key: 6, status: 0, delivered: 1 });
    // Late parts and grants are as usual as late responses.
    party.submit(new Commands().part(call, bytes("late")).grantParts(6, 1));
    party.drain();
    expect(party.deliveries).toEqual([]);
  });
});

describe("a subscription", () => {
  it("with the policy latest keeps one report of each subject", async () => {
    const { party, native } = registry();
    const { no } = native.createService("source", "", [], []);
    const subscription = native.subscribe(0, "source", "*", 65_536, 1 << 20, true);
    const count = 5000;
    const commands = new Commands();
    for (let n = 1; n <= count; n += 1) commands.publish(no, `s${n % 2}`, bytes(String(n)));
    party.submit(commands);
    // Run before anything could be taken out: the newest of both subjects wait.
    const last = await reports(party, 2);
    expect(last.map(({ content }) => text(content))).toEqual(["4999", "5000"]);
    expect(last.map(({ missed }) => missed)).toEqual([count / 2 - 1, count / 2 - 1]);
    expect(native.missed(subscription)).toBe(count - 2);
    party.drain();
    expect(party.deliveries).toEqual([]);
  });

  it("lists its publishers as services are packed", () => {
    const { native } = registry();
    native.createService("source", "", [], []);
    native.createService("other", "", [], []);
    const subscription = native.subscribe(0, "source", "*", 10, 1000, false);
    expect([...native.publishers(subscription)]).toEqual([...native.lookup("source")]);
    native.unsubscribe(subscription);
    expect([...native.publishers(subscription)]).toEqual([0, 0, 0, 0]);
  });
});

describe("services", () => {
  it("are listed and told to watches in the same packed form", async () => {
    const { party, native } = registry();
    const { no, counter } = native.createService("pump", "*", ["wet", "blue"], ["on", "off"]);
    const list = native.lookup("pump");
    expect(new DataView(list.buffer, list.byteOffset).getUint32(0, true)).toBe(1);
    const packed = list.subarray(4);
    const view = new DataView(packed.buffer, packed.byteOffset);
    expect([view.getUint32(0, true), view.getUint32(4, true)]).toEqual([no, counter]);
    expect(texts16(packed.subarray(8, 14))).toEqual(["pump"]);
    expect(packed[14]).toBe(1);
    expect(text(packed.subarray(15, 47))).toBe(native.id);
    const lists = 47 + (2 + 1) + (2 + 7) + 2;
    expect(texts16(packed.subarray(47, lists))).toEqual(["*", "batches", ""]);
    const groups = [2, 0, 3, 0, ...bytes("wet"), 4, 0, ...bytes("blue")];
    const methods = [2, 0, 2, 0, ...bytes("on"), 3, 0, ...bytes("off")];
    expect([...packed.subarray(lists)]).toEqual([...groups, ...methods]);

    const watch = native.watch("pump");
    const change = await party.next("change");
    expect(change).toMatchObject({ watch, status: 0, flags: 1, group: "" });
    expect(change.service).toMatchObject({ counter, name: "pump" });
    const { common } = change.service as { common: Uint8Array };
    expect([...common.subarray(0, packed.length - 14)]).toEqual([...packed.subarray(14)]);
    for (const group of ["wet", "blue"])
      expect(await party.next("change")).toMatchObject({ watch, status: 2, flags: 1, group });
    expect(await party.next("change")).toMatchObject({ watch, status: 4 });
    native.join(no, "attic");
    expect(await party.next("change")).toMatchObject({ status: 2, flags: 0, group: "attic" });
  });

  it("that nobody has are an empty list", () => {
    expect([...registry().native.lookup("nobody")]).toEqual([0, 0, 0, 0]);
  });
});

/** Of bytes too many to be compared one by one, as an expectation would to explain a difference. */
function same(actual: unknown, expected: Uint8Array): boolean {
  return actual instanceof Uint8Array && Buffer.compare(actual, expected) === 0;
}
