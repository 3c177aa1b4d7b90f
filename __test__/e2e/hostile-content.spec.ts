// Content that somebody made to be expensive: it ends where malformed content ends, the link stays,
// and others get their answers. Promises 7, 15 (`encoding`).

import { EXCHANGE_CLIENT, EXCHANGE_SERVER, Exchange, Registry, Service } from "netsvc";
import { afterEach, describe, expect, it } from "vitest";
import { bytes, Commands, join, Station, text } from "../border/native.mjs";
import { eventually, rejection, within } from "../helpers/eventually.js";

const CBOR = 1;
/** A Map with 40,000 integers as keys. */
const NUMBERS = new Uint8Array(
  Buffer.concat([
    Buffer.from("b99c40", "hex"),
    ...Array.from({ length: 40_000 }, (_, index) =>
      Buffer.from([0x1a, 0, 1, index >> 8, index, 0]),
    ),
  ]),
);
/** The same as the only argument. */
const ARGUMENTS = new Uint8Array(Buffer.concat([Uint8Array.of(0x81), NUMBERS]));

const station = new Station();
const registries: Registry[] = [];
afterEach(async () => {
  for (const registry of registries.splice(0)) await registry.close({ drain: 0 });
});

async function setUp() {
  const errors: unknown[] = [];
  const started = (label: string) => {
    const callbackError = (error: unknown) => errors.push(error);
    const registry = new Registry({ label, log: "off", callbackError });
    registries.push(registry);
    return registry;
  };
  const [hub, provider, user] = ["hub", "provider", "user"].map(started) as [
    Registry,
    Registry,
    Registry,
  ];
  const server = new Exchange(EXCHANGE_SERVER, { registry: hub });
  const { port } = await server.listen(0, { host: "127.0.0.1" });
  const lost: unknown[] = [];
  for (const registry of [provider, user]) {
    const client = new Exchange(EXCHANGE_CLIENT, { registry });
    client.on("inactive", (event) => lost.push(event));
    await within(client.connect("127.0.0.1", port).ready);
  }
  server.on("inactive", (event) => lost.push(event));
  const hostile = station.registry("hostile");
  await join(hostile, port);
  return { provider, user, hostile, errors, lost };
}

describe("content of 240 KB with 40,000 numbers as keys", () => {
  it("as arguments: the caller gets `encoding`, and the provider answers others (15)", async () => {
    const { provider, user, hostile, errors, lost } = await setUp();
    const seen: unknown[] = [];
    new Service("echo", {
      registry: provider,
      methods: {
        echo(_: unknown, value: unknown) {
          seen.push(value);
          return value;
        },
      },
    });
    const echo = await user.waitFor("echo", { timeout: 5 });
    const options = { contentKind: CBOR, wait: true };
    hostile.submit(new Commands().request(1, "echo", "echo", ARGUMENTS, options));
    const outcome = await hostile.next("outcome");
    expect(outcome).toMatchObject({ key: 1, status: 2, how: 10, delivered: 1 });
    expect(text(outcome.content)).toContain("too many numbers");
    expect(await echo.call("echo", [5])).toBe(5);
    expect(seen).toEqual([5]);
    expect([errors, lost]).toEqual([[], []]);
  });

  it("as a result: the caller gets `encoding` (15)", async () => {
    const { user, hostile, lost } = await setUp();
    hostile.native.createService("trap", "*", [], ["spring"]);
    const trap = await user.waitFor("trap", { timeout: 5 });
    const calling = rejection(trap.call("spring"));
    const { call } = await hostile.next("invoke");
    hostile.submit(new Commands().respond(call as bigint, 0, NUMBERS, CBOR));
    expect(await calling).toMatchObject({ name: "RequestError", code: "encoding" });
    expect(lost).toEqual([]);
  });

  it("as a report: reading it throws in the callback, which goes on (7)", async () => {
    const { user, hostile, errors, lost } = await setUp();
    const seen: unknown[] = [];
    user.subscribe("source", "*", ({ content }) => seen.push(content));
    const { no } = hostile.native.createService("source", "*", [], []);
    await hostile.next("subscriber");
    hostile.native.publish(no, "a", CBOR, NUMBERS, 0);
    hostile.native.publish(no, "b", 0, bytes("after"), 0);
    await eventually(() => seen.length > 0);
    expect(text(seen[0])).toBe("after");
    expect(errors).toMatchObject([{ name: "EncodingError" }]);
    expect(lost).toEqual([]);
  });
});
