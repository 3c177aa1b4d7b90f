// Extension fields cross the border with reports, requests and results, and cost nothing without.

import { describe, expect, it, onTestFinished } from "vitest";
import { Commands } from "../../ts/border/commands.js";
import type { Context } from "../../ts/context.js";
import type { Invocation } from "../../ts/internal/invocation.js";
import { parseTarget } from "../../ts/internal/targets.js";
import { coreOf } from "../../ts/registry.js";
import type { Report } from "../../ts/report.js";
import { Service } from "../../ts/service.js";
import { eventually, rejection, within } from "../helpers/eventually.js";
import { CommandReader, type FakeCommand } from "../helpers/fake-commands.js";
import { fakeRegistry } from "../helpers/fake-native.js";

const HOW = { timeoutMs: 5000, wait: false, parts: 0 };
const CALL = { low: 1, high: 2 };
/** One field: id 2, three bytes. */
const FIELDS = Uint8Array.of(2, 0, 3, 0, 97, 98, 99);

function setUp() {
  const fake = fakeRegistry();
  onTestFinished(() => fake.registry.close());
  return { ...fake, core: coreOf(fake.registry) };
}

describe("commands", () => {
  it("carry them behind contents of any length", () => {
    const [reader, seen, sizes] = [new CommandReader(), [] as FakeCommand[], [] as number[]];
    const commands = new Commands(
      (bytes, length) => {
        sizes.push(length);
        seen.push(...reader.read(bytes, length));
        return 0;
      },
      (error) => expect.unreachable(String(error)),
    );
    const target = parseTarget("target");
    const all = (content: Uint8Array, extensions?: Uint8Array) => {
      commands.request(1, { ...HOW, extensions }, target, "method", 1, content);
      commands.respond(CALL, 0, 1, content, extensions);
      commands.publish(3, "subject", -1, 1, content, extensions);
    };
    const contents = [0, 1, 3, 4, 65_000, 70_000].map((length) => new Uint8Array(length).fill(7));
    for (const content of contents) {
      for (const extensions of [undefined, FIELDS, FIELDS.subarray(0, 4), new Uint8Array(4096)]) {
        all(content, extensions);
        commands.flush();
        expect(seen.map(({ name }) => name)).toEqual(["request", "respond", "publish"]);
        for (const { fields } of seen.splice(0)) {
          expect(Buffer.compare(fields.content as Uint8Array, content)).toBe(0);
          expect(fields.extensions).toEqual(extensions && Buffer.from(extensions));
        }
      }
    }
    sizes.length = 0;
    all(Uint8Array.of(1));
    commands.flush();
    expect(sizes).toEqual([28 + 4 + 16 + 4 + 16 + 4]);
  });

  it("carry them also when the subject gets no slot", () => {
    const [reader, seen] = [new CommandReader(), [] as FakeCommand[]];
    const commands = new Commands(
      (bytes, length) => {
        seen.push(...reader.read(bytes, length));
        return 0;
      },
      (error) => expect.unreachable(String(error)),
    );
    for (let n = 0; n < 4096; n += 1) commands.publish(1, `s${n}`, -1, 0, FIELDS);
    commands.publish(1, "rare", -1, 0, Uint8Array.of(5), FIELDS);
    commands.flush();
    const { subject, content, extensions } = seen.at(-1)?.fields ?? {};
    expect([subject, content, extensions]).toEqual(["rare", Buffer.of(5), Buffer.from(FIELDS)]);
  });
});

describe("a report", () => {
  it("has those it arrived with, and its content", async () => {
    const { registry, native } = setUp();
    const reports = registry.subscribe("remote", "*");
    const subscription = Number(native.credits.keys().next().value);
    native.report(subscription, { kind: 0, content: Uint8Array.of(1, 2), extensions: FIELDS });
    native.report(subscription, { extensions: FIELDS });
    native.report(subscription);
    const arrived: Report[] = [];
    while (arrived.length < 3) arrived.push((await within(reports.next())).value as Report);
    expect(arrived.map(({ extensions }) => extensions)).toEqual([FIELDS, FIELDS, undefined]);
    expect(arrived.map(({ content }) => content)).toEqual([Uint8Array.of(1, 2), null, null]);
  });

  it("has its own in place of an older one", async () => {
    const { registry, native } = setUp();
    const reports = registry.subscribe("remote", "*", { policy: "latest" });
    const subscription = Number(native.credits.keys().next().value);
    native.report(subscription, { sequence: 1 });
    native.report(subscription, { sequence: 2, extensions: FIELDS });
    // Delivered in its turn, after both reports.
    await rejection(registry.service("nobody").call("method"));
    const { value } = await within(reports.next());
    expect(value).toMatchObject({ sequence: 2, extensions: FIELDS });
  });
});

describe("a handler's context", () => {
  it("has those of the request", async () => {
    const { registry, core } = setUp();
    const seen: unknown[] = [];
    const read = (context: Context, ...args: unknown[]) => {
      seen.push((context as Invocation).extensions, args);
      return true;
    };
    new Service("meter", { registry, methods: { read } });
    const target = parseTarget("meter");
    const how = { ...HOW, extensions: FIELDS };
    core.commands.request(77, how, target, "read", 1, Uint8Array.of(0x81, 5));
    core.commands.request(78, HOW, target, "read", 1, Uint8Array.of(0x81, 6));
    await eventually(() => expect(seen).toEqual([FIELDS, [5], undefined, [6]]));
  });
});
