// What the error of a request says of it: who was asked for what, for how long, and from where.

import { describe, expect, it, onTestFinished } from "vitest";
import { RequestError, ServiceFailure } from "../../ts/errors.js";
import type { RemoteService } from "../../ts/remote.js";
import { Service } from "../../ts/service.js";
import { eventually, rejection } from "../helpers/eventually.js";
import { type FakeRegistry, fakeRegistry } from "../helpers/fake-native.js";

function setUp() {
  const fake = fakeRegistry({ log: "off" });
  onTestFinished(() => fake.registry.close());
  const poller = new Service("poller", {
    registry: fake.registry,
    methods: {
      read: () => new Promise(() => {}),
      refuse: () => {
        throw new ServiceFailure("busy", "not now");
      },
      big: () => "x".repeat(2 << 20),
      history: async function* () {
        yield 1;
        await new Promise(() => {});
      },
    },
  });
  return { ...fake, poller, remote: fake.registry.service("poller") };
}

/** The keys of the requests made so far, once there are as many. */
async function keys(native: FakeRegistry, count: number): Promise<number[]> {
  return eventually(() => {
    const made = native.seen.filter(([name]) => name === "request").map((seen) => Number(seen[1]));
    return made.length >= count ? made : undefined;
  });
}

/** A caller with a name of its own, to be found in stacks. */
async function ask(remote: RemoteService, method: string, options = {}): Promise<unknown> {
  try {
    return await remote.call(method, [], options);
  } catch (error) {
    return error;
  }
}

describe("the error of a request", () => {
  it.each<[string, string, string, (fake: ReturnType<typeof setUp>) => void]>([
    ["no-service", "x", "no service nobody", () => {}],
    ["no-method", "missing", "has no method missing", () => {}],
    ["the provider's answer", "big", "the result exceeds limits.payload", () => {}],
    [
      "a lost link",
      "read",
      "the link was lost",
      ({ native }) => native.fail(0, 6, 2, "the link was lost"),
    ],
    ["an end without a word", "read", "link-lost", ({ native }) => native.fail(0, 6, 2, "")],
    ["its deadline", "read", "no outcome within 0.25 s", () => {}],
    ["the registry", "read", "the registry was closed", ({ registry }) => void registry.close()],
  ])("names service, method and timeout: %s", async (what, method, text, end) => {
    const fake = setUp();
    const name = what === "no-service" ? "nobody" : "poller";
    const asked = ask(fake.registry.service(name), method, { timeout: 0.25 });
    await keys(fake.native, 1);
    end(fake);
    const error = (await asked) as RequestError;
    expect(error).toBeInstanceOf(RequestError);
    expect(error).toMatchObject({ service: name, method, timeout: 0.25 });
    expect(error.message.startsWith(`${name}.${method}: `)).toBe(true);
    expect(error.message).toContain(text);
  });

  it("names them before anything is sent, too", async () => {
    const { remote, native } = setUp();
    const about = { service: "poller", method: "read", timeout: 5 };
    const given = await rejection(remote.call("read", [() => {}]));
    expect(given).toMatchObject({ code: "encoding", ...about });
    expect(String(given)).toContain("poller.read: a function cannot be content");
    const signal = AbortSignal.abort(new Error("enough"));
    expect(await rejection(remote.call("read", [], { signal }))).toMatchObject({
      message: "poller.read: the request was cancelled",
      ...{ code: "cancelled", cause: { message: "enough" }, ...about },
    });
    expect(native.seen.some(([seen]) => seen === "request")).toBe(false);
  });

  it("names an identity where that was asked", async () => {
    const { registry, poller } = setUp();
    const { identity } = poller;
    const error = await ask(registry.service({ identity }), "missing");
    expect(error).toMatchObject({ service: identity, method: "missing" });
  });

  it("of a stream says what did not come, and stays so after a part", async () => {
    const { remote } = setUp();
    const stream = remote.stream("history", [], { timeout: 0.05 });
    expect(await stream.next()).toMatchObject({ value: 1 });
    expect(await rejection(stream.next())).toMatchObject({
      message: "poller.history: no part and no end within 0.05 s",
      ...{ code: "deadline", delivered: "yes" },
      ...{ service: "poller", method: "history", timeout: 0.05 },
    });
  });

  it("is a failure's as well, whose message stays the handler's", async () => {
    const { remote } = setUp();
    expect(await ask(remote, "refuse")).toMatchObject({
      ...{ name: "ServiceFailure", code: "busy", message: "not now" },
      ...{ service: "poller", method: "refuse" },
    });
    expect(new ServiceFailure("busy")).toMatchObject({ service: undefined, method: undefined });
  });
});

describe("the stack of a request's error leads to whoever awaits the call", () => {
  it.each([
    ["its deadline", "read", { timeout: 0.01 }],
    ["nobody there", "missing", {}],
    ["a failure", "refuse", {}],
  ])("%s", async (_, method, options) => {
    const error = (await ask(setUp().remote, method, options)) as Error;
    expect(error.stack).toMatch(/at (async )?ask .*request-errors\.spec/);
  });

  it("when it was cancelled, too, not to whoever cancels", async () => {
    const { remote, native } = setUp();
    const controller = new AbortController();
    const asked = ask(remote, "read", { signal: controller.signal });
    await keys(native, 1);
    (function cancel() {
      controller.abort();
    })();
    const { stack } = (await asked) as Error;
    expect(stack).toMatch(/at (async )?ask .*request-errors\.spec/);
    expect(stack).not.toContain("at cancel ");
  });

  it("of a wait for a service, too", async () => {
    const { registry } = setUp();
    async function wait() {
      await registry.waitFor("nobody", { timeout: 0.01 });
    }
    const error = (await rejection(wait())) as Error;
    expect(error.message).toBe("no service nobody became visible within 0.01 s");
    expect(error.stack).toMatch(/at (async )?wait .*request-errors\.spec/);
  });
});
