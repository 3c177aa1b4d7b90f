// Lines of the embedded hub's log.

import { describe, expect, it } from "vitest";
import { HubLog } from "../../ts/cli/hub-log.js";
import { LinkError } from "../../ts/errors.js";
import type { LinkEvent } from "../../ts/link-event.js";

function log(level: HubLog["level"], format: HubLog["format"]): [HubLog, string[]] {
  const lines: string[] = [];
  return [new HubLog(level, format, (line) => lines.push(line)), lines];
}

function event(label: string): LinkEvent {
  return {
    link: undefined as never,
    peer: { process: label === "" ? "" : "ab", label, address: "10.0.0.1:5" },
    reason: new LinkError("group-mismatch", "another group"),
    attempt: 1,
    retryIn: undefined,
  };
}

describe("the hub's log", () => {
  it("is lines of text that a peer cannot break", () => {
    const [text, lines] = log("info", "text");
    text.inactive(event("x\ny\u001b[2J"));
    const peer = "x\\u000ay\\u001b[2J (10.0.0.1:5)";
    expect(lines).toEqual([`netsvc info: link with ${peer} ended: another group\n`]);
  });

  it("is one object of JSON for each line", () => {
    const [json, lines] = log("info", "json");
    json.inactive(event("x\u2028\u0085"));
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toMatch(/[\u2028\u0085]/);
    expect(JSON.parse(lines[0] ?? "")).toEqual({
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      level: "info",
      event: "link-inactive",
      message: "link with x\u2028\u0085 (10.0.0.1:5) ended: another group",
      process: "ab",
      label: "x\u2028\u0085",
      address: "10.0.0.1:5",
      reason: "group-mismatch",
    });
  });

  it("tells refusals in a row at once, after a minute, after ten, hourly, and counts the rest", () => {
    const [json, lines] = log("warn", "json");
    for (let second = 0; second <= 3 * 3600; second += 5) json.refused(event(""), second);
    const told = lines.map((line) => JSON.parse(line));
    expect(told.map(({ more }) => more ?? 0)).toEqual([0, 11, 107, 599, 719, 719]);
    expect(told[1].message).toContain("; 11 more since the last such message");
    json.refused(event(""), 4 * 3600 + 1);
    expect(JSON.parse(lines.at(-1) ?? "").more).toBeUndefined();
  });

  it("leaves out what is below its level", () => {
    const [text, lines] = log("warn", "text");
    text.active(event("a"));
    text.level = "off";
    text.write("error", "e", "m");
    expect(lines).toEqual([]);
  });
});
