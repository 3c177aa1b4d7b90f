import { expect, test } from "vitest";
import { ArgumentError, parseArguments } from "../../examples/gateway/arguments.js";

test("options are optional, and take their value after a blank or an equals sign", () => {
  expect(parseArguments([])).toEqual({ seconds: undefined, port: undefined, help: false });
  expect(parseArguments(["--seconds", "10"]).seconds).toBe(10);
  expect(parseArguments(["--seconds=0.5", "--port=0"])).toMatchObject({ seconds: 0.5, port: 0 });
  expect(parseArguments(["--port", "65535", "--help"])).toMatchObject({ port: 65535, help: true });
});

test.each([
  [["--seconds", "abc"], /^--seconds must be a number above 0 .*"abc"/],
  [["--seconds", "-3"], /^--seconds must be a number above 0/],
  [["--seconds", "0"], /^--seconds must be a number above 0/],
  [["--seconds="], /^--seconds must be a number above 0/],
  [["--seconds", "1e3"], /^--seconds must be a number above 0/],
  [["--seconds", "2147484"], /at most 2147483/],
  [["--seconds"], /^--seconds needs a number of seconds/],
  [["--port", "70000"], /^--port must be an integer from 0 to 65535/],
  [["--port", "http"], /^--port must be an integer from 0 to 65535/],
  [["--port"], /^--port needs a port/],
  [["--prot", "1"], /^unknown option "--prot"/],
  [["--help=yes"], /^unknown option "--help=yes"/],
  [["10"], /^unknown option "10"/],
])("%j is refused, with a reason", (args, reason) => {
  expect(() => parseArguments(args)).toThrow(ArgumentError);
  expect(() => parseArguments(args)).toThrow(reason);
});
