import { describe, expect, it, onTestFinished } from "vitest";
import { type Authorise, partsOf } from "../../ts/authorise.js";
import { LinkError } from "../../ts/errors.js";
import { EXCHANGE_CLIENT, EXCHANGE_SERVER, Exchange } from "../../ts/exchange.js";
import { eventually } from "../helpers/eventually.js";
import { fakeRegistry } from "../helpers/fake-native.js";

function setUp(authorise?: Authorise) {
  const errors: unknown[] = [];
  const fake = fakeRegistry({ callbackError: (error) => errors.push(error) });
  onTestFinished(() => fake.registry.close());
  const { registry, native } = fake;
  const exchange = new Exchange(EXCHANGE_SERVER, { registry, ...(authorise && { authorise }) });
  const number = Math.max(...native.exchanges);
  const applies = () => native.link(4, number, 77, { attempt: 3 });
  const answer = () =>
    eventually(() => native.seen.find(([name]) => name === "authorise")?.slice(1));
  return { ...fake, exchange, number, errors, applies, answer };
}

describe("authorise", () => {
  it.each<[string, Authorise, boolean]>([
    ["true", () => true, true],
    ["a promise of true", async () => true, true],
    ["false", () => false, false],
    ["a promise of false", async () => false, false],
  ])("returning %s", async (_, authorise, may) => {
    const { applies, answer, errors, exchange } = setUp(authorise);
    applies();
    expect(await answer()).toEqual([77, may]);
    expect(errors).toEqual([]);
    // Not linked yet: whatever follows tells of it.
    expect(exchange.links).toEqual([]);
  });

  it.each<[string, unknown, string]>([
    ["nothing", undefined, "undefined"],
    ["a promise of nothing", Promise.resolve(), "undefined"],
    ["null", null, "null"],
    ["0", 0, "number"],
    ["1", 1, "number"],
    ["a text", "true", "string"],
    ["a boxed true", Object(true), "object"],
  ])("refuses by returning %s, which is reported", async (_, decision, type) => {
    const { applies, answer, errors } = setUp(() => decision as never);
    applies();
    expect(await answer()).toEqual([77, false]);
    expect(errors).toMatchObject([
      {
        name: "TypeError",
        message: `authorise must return true or false; ${type} refuses the link`,
      },
    ]);
  });

  it("gets the address and what the process says of itself", async () => {
    const seen: unknown[] = [];
    const { applies, answer } = setUp((applicant) => seen.push(applicant) > 0);
    applies();
    await answer();
    expect(seen).toEqual([
      {
        address: "127.0.0.1:11111",
        host: "127.0.0.1",
        port: 11111,
        process: "cd".repeat(16),
        label: "hub:1",
        attempt: 3,
      },
    ]);
  });

  it.each<[string, Authorise]>([
    [
      "a throw",
      () => {
        throw new Error("database down");
      },
    ],
    ["a rejection", () => Promise.reject(new Error("database down"))],
  ])("refuses by %s, which is reported", async (_, authorise) => {
    const { applies, answer, errors } = setUp(authorise);
    applies();
    expect(await answer()).toEqual([77, false]);
    expect(errors).toMatchObject([{ message: "database down" }]);
  });

  it("refuses by a LinkError denied, which is meant and not reported", async () => {
    const { applies, answer, errors } = setUp(async () => {
      throw new LinkError("denied", "not on the list");
    });
    applies();
    expect(await answer()).toEqual([77, false]);
    expect(errors).toEqual([]);
  });

  it("answers nothing when the exchange is closed meanwhile", async () => {
    let decide: (may: boolean) => void = () => {};
    const { applies, native, exchange } = setUp(() => new Promise((resolve) => (decide = resolve)));
    const before = decide;
    applies();
    await eventually(() => decide !== before);
    await exchange.close();
    decide(true);
    await new Promise((resolve) => setImmediate(resolve));
    expect(native.seen.map(([name]) => name)).not.toContain("authorise");
  });

  it("is asked of the native side only when it is given, and is for servers", () => {
    const { native, registry } = setUp();
    expect(native.seen.findLast(([name]) => name === "createExchange")?.at(-1)).toBe(false);
    const authorise = () => true;
    new Exchange(EXCHANGE_SERVER, "a", { registry, authorise });
    expect(native.seen.findLast(([name]) => name === "createExchange")?.at(-1)).toBe(true);
    const make = (role: 0 | 1, given: unknown) => () =>
      new Exchange(role, "b", { registry, authorise: given as Authorise });
    expect(make(EXCHANGE_CLIENT, authorise)).toThrow(TypeError);
    expect(make(EXCHANGE_SERVER, true)).toThrow(TypeError);
  });

  it("tells the refused end by attemptFailed", async () => {
    const { native, number, exchange } = setUp(() => false);
    const reasons: unknown[] = [];
    exchange.on("attemptFailed", ({ reason }) => reasons.push(reason?.code));
    native.link(2, number, 77, { reason: 40, texts: ["", "", "127.0.0.1:9", "not allowed"] });
    await eventually(() => reasons.length > 0);
    expect(reasons).toEqual(["denied"]);
  });
});

describe("an applicant's address", () => {
  it.each([
    ["127.0.0.1:11111", "127.0.0.1", 11111],
    ["[::1]:40000", "::1", 40000],
    ["[fe80::1%eth0]:1", "fe80::1%eth0", 1],
    ["/run/gateway.sock", undefined, undefined],
    ["/run/a:1", undefined, undefined],
    ["", undefined, undefined],
  ])("has its parts: %s", (address, host, port) => {
    expect(partsOf(address)).toEqual({ host, port });
  });
});
