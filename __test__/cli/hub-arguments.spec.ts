// Which arguments of `netsvc hub` are the hub's.

import { describe, expect, it } from "vitest";
import { takeEmbedded } from "../../ts/cli/hub.js";

describe("the arguments of a hub", () => {
  it("are all but --embedded", () => {
    const args = ["--group", "--embedded", "--embedded", "--listen=1"];
    const rest = ["--group", "--embedded", "--listen=1"];
    expect(takeEmbedded(args)).toEqual({ embedded: true, rest });
  });

  it.each([
    [["--embedded"], []],
    [
      ["--embedded", "--listen", "1"],
      ["--listen", "1"],
    ],
    [
      ["--listen", "1", "--embedded"],
      ["--listen", "1"],
    ],
    [["--listen=1", "--embedded", "--embedded"], ["--listen=1"]],
    [
      ["--group", "--label", "--embedded"],
      ["--group", "--label"],
    ],
  ])("leave --embedded out wherever it is an option: %s", (args, rest) => {
    expect(takeEmbedded(args)).toEqual({ embedded: true, rest });
  });

  it.each([
    [[]],
    [["--group", "--embedded"]],
    [["--group=--embedded", "--embedde", "--embedded=1"]],
    [["-V", "embedded"]],
  ])("stay as they are without it: %s", (args) => {
    expect(takeEmbedded(args)).toEqual({ embedded: false, rest: args });
  });
});
