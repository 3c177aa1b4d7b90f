// `next()` of subscriptions, watches and streams in races: no report or change is lost with a
// promise that lost one, and none is given twice to who looks at it.

import { inspect } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { CancelledError, ServiceFailure, TimeoutError } from "../../ts/errors.js";
import { Feed } from "../../ts/internal/feed.js";
import { Service } from "../../ts/service.js";
import { within } from "../helpers/eventually.js";
import { fakeRegistry } from "../helpers/fake-native.js";

type Next = Promise<IteratorResult<number, undefined>>;

const LOST = Symbol("lost");

/** A feed of numbers, a call that loses its race, and one that wins it. */
function setUp() {
  const feed = new Feed<number>({ grant: () => {}, guard: () => {} }, 256, undefined);
  const lose = async () => {
    expect(await Promise.race([feed.next(), turns(1).then(() => LOST)])).toBe(LOST);
  };
  const win = async () =>
    value(await within(Promise.race([feed.next(), new Promise<never>(noop)])));
  return { feed, lose, win };
}

function noop(): void {}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((done) => setImmediate(done));
}

function value(result: IteratorResult<number, undefined>): number | undefined {
  return result.value;
}

async function taken(next: Next): Promise<number | undefined> {
  return value(await within(next));
}

describe("a next() that has lost a race", () => {
  it("leaves what comes to the next() that is awaited then", async () => {
    const { feed, lose } = setUp();
    await lose();
    const next = feed.next();
    feed.push(1);
    feed.push(2);
    expect(await taken(next)).toBe(1);
    expect(await taken(feed.next())).toBe(2);
  });

  it("leaves what came before that next(), in order", async () => {
    const { feed, lose } = setUp();
    await lose();
    await lose();
    for (const item of [1, 2, 3, 4]) feed.push(item);
    await turns(2);
    for (const item of [1, 2, 3, 4]) expect(await taken(feed.next())).toBe(item);
    feed.push(5);
    expect(await taken(feed.next())).toBe(5);
  });

  it("leaves everything to a loop of races, whenever it comes", async () => {
    const { feed } = setUp();
    const got: Array<number | undefined> = [];
    let pushed = 0;
    for (let round = 0; got.length < 50; round++) {
      // While it is waited for, while nobody asks, or both; sometimes several.
      if (round % 3 !== 1) feed.push(++pushed);
      if (round % 7 === 0) feed.push(++pushed);
      if (round % 5 === 2) await turns(2);
      const result = await Promise.race([feed.next(), turns(round % 4).then(() => LOST)]);
      if (round % 2 === 1) feed.push(++pushed);
      if (typeof result === "object") got.push(value(result));
    }
    expect(got).toEqual(got.map((_, index) => index + 1));
  });

  it("leaves an item that there was to be had at once", async () => {
    const { feed } = setUp();
    feed.push(1);
    feed.push(2);
    expect(await Promise.race([LOST, feed.next()])).toBe(LOST);
    expect([await taken(feed.next()), await taken(feed.next())]).toEqual([1, 2]);
  });

  it("leaves it to for await, too", async () => {
    const { feed, lose } = setUp();
    await lose();
    feed.push(1);
    await turns(2);
    feed.push(2);
    const items = { [Symbol.asyncIterator]: () => ({ next: () => feed.next() }) };
    const got: number[] = [];
    for await (const item of items) {
      got.push(item);
      if (got.length === 2) break;
    }
    expect(got).toEqual([1, 2]);
  });

  it("takes it when it is kept, and waits again", async () => {
    const { feed } = setUp();
    const pending = feed.next();
    expect(await Promise.race([pending, turns(1).then(() => LOST)])).toBe(LOST);
    feed.push(1);
    feed.push(2);
    await turns(2);
    expect(await within(Promise.race([pending, new Promise<never>(noop)]))).toEqual({
      done: false,
      value: 1,
    });
    expect(await taken(feed.next())).toBe(2);
  });

  it("is done with the feed", async () => {
    const { feed } = setUp();
    const lost = feed.next();
    expect(await Promise.race([lost, turns(1).then(() => LOST)])).toBe(LOST);
    feed.end();
    expect(await within(lost)).toEqual({ done: true, value: undefined });
    expect(await within(feed.next())).toEqual({ done: true, value: undefined });
  });

  it("is given up when very many have lost", async () => {
    const { feed, lose } = setUp();
    for (let round = 0; round < 1000; round++) await lose();
    const next = Promise.race([feed.next(), new Promise<never>(noop)]);
    for (let item = 1; item <= 400; item++) feed.push(item);
    expect(await taken(next)).toBe(1);
    for (let item = 2; item <= 400; item++) expect(await taken(feed.next())).toBe(item);
  });
});

describe("what is looked at is taken", () => {
  it("by several that race and live", async () => {
    const { feed } = setUp();
    const got: Array<number | undefined> = [];
    const stop = new Promise<typeof LOST>(noop);
    const reader = async () => {
      for (;;) {
        const result = await Promise.race([feed.next(), stop]);
        if (result === LOST || result.done) return;
        await turns(got.length % 3);
        got.push(value(result));
      }
    };
    const readers = [reader(), reader(), reader()];
    for (let item = 1; item <= 30; item++) {
      feed.push(item);
      if (item % 4 === 0) await turns(2);
    }
    while (got.length < 30) await turns(1);
    feed.end();
    await within(Promise.all(readers));
    expect(got.toSorted((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 30 }, (_, index) => index + 1),
    );
  });

  it("by several calls that are waited for together, in their order", async () => {
    const { feed } = setUp();
    const all = Promise.all([feed.next(), feed.next(), feed.next()]);
    for (const item of [1, 2, 3]) {
      await turns(2);
      feed.push(item);
    }
    expect((await within(all)).map(value)).toEqual([1, 2, 3]);
    feed.push(4);
    expect(await taken(feed.next())).toBe(4);
  });

  it("by who asks for the next one first", async () => {
    const { feed, win } = setUp();
    let next = Promise.race([feed.next(), new Promise<never>(noop)]);
    const got: Array<number | undefined> = [];
    for (let item = 1; item <= 5; item++) {
      feed.push(item);
      const result = await within(next);
      next = Promise.race([feed.next(), new Promise<never>(noop)]);
      got.push(value(result));
    }
    feed.push(6);
    expect(await taken(next)).toBe(6);
    expect(got).toEqual([1, 2, 3, 4, 5]);
    feed.push(7);
    expect(await win()).toBe(7);
  });

  it("by await and by callbacks that take no argument, whatever they do", async () => {
    const { feed } = setUp();
    for (const item of [1, 2, 3]) feed.push(item);
    await feed.next();
    let count = 0;
    await feed.next().then(() => count++);
    expect(await taken(feed.next())).toBe(3);
    expect(count).toBe(1);
  });

  it("by who prints, copies or compares it", async () => {
    for (const look of [
      (result: object) => inspect(result),
      (result: object) => ({ ...result }),
      (result: object) => JSON.stringify(result),
      (result: object) => expect(result).toEqual({ done: false, value: 1 }),
      (result: object) => Object.entries(result),
      (result: IteratorResult<number>) => result.done,
    ]) {
      const { feed } = setUp();
      feed.push(1);
      feed.push(2);
      look(await Promise.race([feed.next(), new Promise<never>(noop)]));
      expect(await taken(feed.next())).toBe(2);
    }
    const { feed } = setUp();
    feed.push(1);
    const result = await Promise.race([feed.next(), new Promise<never>(noop)]);
    expect(inspect(result)).toBe("{ done: false, value: 1 }");
  });

  it("or twice by who never looks: a loop that only counts ends all the same", async () => {
    const { feed } = setUp();
    feed.push(1);
    feed.push(2);
    let count = 0;
    while ((await Promise.race([feed.next(), turns(5).then(() => LOST)])) !== LOST) count++;
    expect(count).toBe(4);
  });
});

describe("next with options", () => {
  it("takes nothing when its timeout or signal ends it", async () => {
    const { registry, service } = subscribed();
    const reports = registry.subscribe("x");
    await expect(reports.next({ timeout: 0.001 })).rejects.toThrow(TimeoutError);
    const controller = new AbortController();
    const waiting = reports.next({ signal: controller.signal, timeout: 5 });
    controller.abort("enough");
    await expect(waiting).rejects.toMatchObject({ code: "cancelled", cause: "enough" });
    service.publish("a", 1);
    await expect(reports.next({ signal: controller.signal })).rejects.toThrow(CancelledError);
    const report = await within(reports.next({ timeout: 5 }));
    expect(report.value).toMatchObject({ content: 1, missed: 0 });
  });

  it("rejects wrong ones, and ignores what an iterator is given by yield*", async () => {
    const { registry } = subscribed();
    const reports = registry.subscribe("x");
    await expect(reports.next({ timeout: 5000 })).rejects.toThrow(/seconds/);
    await expect(reports.next({ signal: {} as AbortSignal })).rejects.toThrow(TypeError);
    const waiting = (reports.next as (value: unknown) => Promise<unknown>).call(reports, 5);
    reports.close();
    expect(await within(waiting)).toEqual({ done: true, value: undefined });
    expect(await reports.next({ timeout: 1 })).toEqual({ done: true, value: undefined });
  });

  it("of a stream takes its part, unless its timeout has ended it", async () => {
    const fake = fakeRegistry();
    onTestFinished(() => fake.registry.close());
    let go: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    new Service("meter", {
      registry: fake.registry,
      methods: {
        async *parts() {
          await gate;
          yield* [1, 2, 3];
          throw new ServiceFailure("enough");
        },
      },
    });
    const stream = fake.registry.service("meter").stream("parts");
    await expect(stream.next({ timeout: 0.001 })).rejects.toThrow("no part came");
    expect(await Promise.race([stream.next(), turns(1).then(() => LOST)])).toBe(LOST);
    go();
    // They have all arrived, and the end.
    await turns(20);
    // Nobody looks at what came.
    await within(stream.next());
    expect(await within(stream.next())).toEqual({ done: false, value: 3 });
    await expect(within(stream.next())).rejects.toMatchObject({ code: "enough" });
    expect(await within(stream.next())).toEqual({ done: true, value: undefined });
  });

  it("is the same of a watch", async () => {
    const { registry, service } = subscribed();
    const changes = registry.watch({ name: "y" });
    expect((await within(changes.next())).value).toMatchObject({ status: "current" });
    await expect(changes.next({ timeout: 0.001 })).rejects.toThrow("no change came");
    expect(await Promise.race([changes.next(), turns(1).then(() => LOST)])).toBe(LOST);
    const other = new Service("y", { registry });
    await turns(3);
    const change = await within(changes.next({ timeout: 5 }));
    expect(change.value).toMatchObject({ service: { name: "y" } });
    other.close();
    service.close();
  });
});

function subscribed() {
  const fake = fakeRegistry();
  onTestFinished(() => fake.registry.close());
  return { ...fake, service: new Service("x", { registry: fake.registry }) };
}
