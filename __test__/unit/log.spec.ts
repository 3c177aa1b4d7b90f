import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { LinkError } from "../../ts/errors.js";
import { LinkLog } from "../../ts/internal/link-log.js";
import type { LinkEvent } from "../../ts/link-event.js";
import { Log, type LogEntry, type LogOption, Outage } from "../../ts/options/log.js";

function failure(attempt: number): LinkEvent {
  return {
    link: undefined as never,
    peer: { process: "", label: "", address: "10.0.0.1:11111" },
    reason: new LinkError("connect-failed", "connection refused"),
    attempt,
    retryIn: 0.1234,
  };
}

describe("an outage", () => {
  it("is worth a line at once, after 1 min, 10 min, and hourly", () => {
    const outage = new Outage();
    const logged: number[] = [];
    for (let second = 0; second <= 3 * 3600; second += 5) {
      if (outage.failed(1000 + second)) logged.push(second);
    }
    expect(logged).toEqual([0, 60, 600, 3600, 7200, 10_800]);
    outage.end();
    expect(outage.failed(20_000)).toBe(true);
    expect(outage.failed(20_001)).toBe(false);
  });

  it("with long pauses between attempts is logged at the next attempt", () => {
    const outage = new Outage();
    expect([0, 700, 1000, 3600, 3700].map((second) => outage.failed(second))).toEqual([
      ...[true, true, false, true, false],
    ]);
  });
});

describe("the log of links", () => {
  it("tells one line of an outage at level warn, the rest at debug", () => {
    const entries: LogEntry[] = [];
    const log = new LinkLog(new Log("me", (entry) => entries.push(entry)));
    log.event("attemptFailed", failure(1), false, 0);
    log.event("attemptFailed", failure(2), false, 1);
    log.event("active", { ...failure(3), reason: undefined }, false, 2);
    log.event("attemptFailed", failure(1), false, 3);
    expect(entries.map(({ level }) => level)).toEqual(["warn", "debug", "info", "warn"]);
    expect(entries[0]).toEqual({
      level: "warn",
      label: "me",
      message:
        "cannot link with 10.0.0.1:11111 (attempt 1): connection refused; trying again in 0.12 s",
    });
  });

  it("is not filled by strangers knocking at a server", () => {
    const entries: LogEntry[] = [];
    const log = new LinkLog(new Log("hub", (entry) => entries.push(entry)));
    for (let second = 0; second < 50; second++) {
      log.event("attemptFailed", failure(1), true, second);
      log.event("active", failure(1), true, second);
    }
    expect(entries.filter(({ level }) => level === "warn")).toHaveLength(1);
    log.event("attemptFailed", failure(1), true, 1000);
    expect(entries.filter(({ level }) => level === "warn")).toHaveLength(2);
  });
});

describe("the level", () => {
  function written(option: LogOption | undefined, variable?: string): string {
    const before = process.env.NETSVC_LOG;
    const { write } = process.stderr;
    const lines: string[] = [];
    process.stderr.write = ((text: string) => lines.push(text) > 0) as typeof write;
    try {
      if (variable === undefined) delete process.env.NETSVC_LOG;
      else process.env.NETSVC_LOG = variable;
      const log = new Log("me", option);
      for (const level of ["error", "warn", "info", "debug"] as const) log.write(level, level);
    } finally {
      process.stderr.write = write;
      if (before === undefined) delete process.env.NETSVC_LOG;
      else process.env.NETSVC_LOG = before;
    }
    return lines.join("");
  }

  it("is warn by default, from NETSVC_LOG or the option, which wins", () => {
    const warn = "netsvc error me: error\nnetsvc warn me: warn\n";
    expect(written(undefined)).toBe(warn);
    expect(written(undefined, "nonsense")).toBe(warn);
    expect(written(undefined, "off")).toBe("");
    expect(written(undefined, "debug").split("\n")).toHaveLength(5);
    expect(written("warn", "debug")).toBe(warn);
    expect(written("info")).toBe(`${warn}netsvc info me: info\n`);
    expect(() => written("loud" as never)).toThrow("log must be");
  });

  it("does not matter to a function, whose throwing harms nobody", () => {
    const levels: string[] = [];
    const log = new Log("me", ({ level }) => {
      levels.push(level);
      throw new Error("disk full");
    });
    log.write("debug", "x");
    expect(levels).toEqual(["debug"]);
  });

  it.each([
    ["rejects", () => Promise.reject(new Error("disk full"))],
    ["rejects in another realm", () => runInNewContext("Promise.reject(new Error('disk full'))")],
    [
      "is none, and throws",
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: what a function may return
        get then(): never {
          throw new Error("disk full");
        },
      }),
    ],
  ])("does not matter to a function whose promise %s", async (_, result) => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", note);
    try {
      new Log("me", result as () => void).write("warn", "x");
      await new Promise((resolve) => setTimeout(resolve, 20));
    } finally {
      process.off("unhandledRejection", note);
    }
    expect(unhandled).toEqual([]);
  });
});
