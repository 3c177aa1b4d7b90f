// What is left when a registry or its environment is closed.

import { describe, expect, it } from "vitest";
import { bytes, Commands, type NativeRegistry, Station } from "./native.mjs";

const calls: [string, (native: NativeRegistry) => unknown][] = [
  ["createExchange", (native) => native.createExchange(0, "", 5000, 15_000, false)],
  ["listen", (native) => native.listen(1, { port: 0, hosts: ["127.0.0.1"] }, 1)],
  ["connect", (native) => native.connect(1, { host: "127.0.0.1", port: 1, retry: -1 })],
  ["closeLink", (native) => native.closeLink(1, 0)],
  ["closeExchange", (native) => native.closeExchange(1, 0)],
  ["createService", (native) => native.createService("s", "*", [], [])],
  ["closeService", (native) => native.closeService(1)],
  ["join", (native) => native.join(1, "g")],
  ["leave", (native) => native.leave(1, "g")],
  ["lookup", (native) => native.lookup()],
  ["watch", (native) => native.watch()],
  ["unwatch", (native) => native.unwatch(1)],
  ["subscribe", (native) => native.subscribe(0, "s", "*", 1, 1, false)],
  ["unsubscribe", (native) => native.unsubscribe(1)],
  ["publish", (native) => native.publish(1, "a", 0, bytes("x"), 0)],
  ["flush", (native) => native.flush(1, 1000)],
  ["track", (native) => native.track("0".repeat(32))],
  ["missed", (native) => native.missed(1)],
  ["authorise", (native) => native.authorise(1, true)],
  ["publishers", (native) => native.publishers(1)],
  ["publishTo", (native) => native.publishTo(1, "a", 0, bytes("x"), "0".repeat(32))],
  ["cancel", (native) => native.cancel(1)],
  ["submit", (native) => native.submit(new Commands().grant(1, 1).bytes, 12)],
];

function closedEverywhere(native: NativeRegistry) {
  for (const [name, call] of calls)
    expect(() => call(native), name).toThrow(expect.objectContaining({ code: "closed" }));
  const words = new Uint32Array(64).fill(7);
  expect(native.drain(words, new Uint8Array(100), 9)).toBeNull();
  expect([...words.subarray(0, 3)]).toEqual([3, 0, 9]);
  native.close(0);
  native.dispose();
  expect(native.id).toMatch(/^[0-9a-f]{32}$/);
}

describe("after dispose", () => {
  it("commands throw closed, and nothing is left to drain", () => {
    const station = new Station();
    const { native } = station.registry("a");
    native.createService("s", "*", [], []);
    native.watch();
    native.dispose();
    closedEverywhere(native);
    station.environment.close();
  });

  it("the other registries of the environment go on", async () => {
    const station = new Station();
    const [gone, other] = [station.registry("gone"), station.registry("other")];
    gone.native.dispose();
    other.submit(new Commands().request(1, "nobody", "m", bytes("")));
    expect(await other.next("outcome")).toMatchObject({ key: 1 });
    station.environment.close();
  });
});

describe("after the environment's close", () => {
  it("all its registries are closed, and no more can be made", () => {
    const station = new Station();
    const parties = [station.registry("a"), station.registry("b")];
    station.environment.close();
    station.environment.close();
    for (const { native } of parties) closedEverywhere(native);
    expect(() => station.registry("c")).toThrow(expect.objectContaining({ code: "closed" }));
    station.environment.ref();
    station.environment.unref();
  });

  it("it wakes no more, although a wake-up was under way", async () => {
    const [closed, open] = [new Station(), new Station()];
    const [silent, heard] = [closed.registry("silent"), open.registry("heard")];
    const commands = new Commands().request(1, "nobody", "m", bytes(""));
    silent.submit(commands);
    heard.submit(commands);
    closed.environment.close();
    await heard.next("outcome");
    expect(closed.wakes).toBe(0);
    open.environment.close();
  });

  it("other environments of the thread go on, and new ones start", async () => {
    for (let round = 0; round < 3; round += 1) {
      const station = new Station();
      const party = station.registry("again");
      party.submit(new Commands().request(round, "nobody", "m", bytes("")));
      expect(await party.next("outcome")).toMatchObject({ key: round });
      station.environment.close();
    }
  });
});
