// The whole example as its user starts it: real processes, real signals.

import { type AddressInfo, createServer } from "node:net";
import { beforeAll, describe, expect, test } from "vitest";
import { checkExamples } from "../../scripts/setup.mjs";
import { stretched } from "../helpers/time.mjs";
import { Gateway, isRunning, PARTS } from "./gateway.js";

beforeAll(checkExamples);

test("with --seconds it ends by itself, with code 0 and a summary", async () => {
  // Its parts must be there by then.
  const seconds = String(stretched(4));
  await using gateway = new Gateway("--seconds", seconds, "--port", "0");
  expect(await gateway.end()).toBe(0);
  expect(gateway.stderr).toBe("");
  const [, lasted] = /^Summary of (\d+\.\d) seconds:$/m.exec(gateway.stdout) ?? [];
  expect(Number(lasted)).toBeGreaterThanOrEqual(Number(seconds));
  expect(gateway.count("services seen")).toBe(3);
  expect(gateway.count("reports")).toBeGreaterThan(10);
  expect(gateway.count("requests")).toBeGreaterThan(0);
  expect(gateway.count("failures")).toBe(0);
  expect(gateway.count("reconnects")).toBe(0);
  expect(gateway.count("restarts")).toBe(0);
  for (const part of PARTS) expect(isRunning(gateway.pidOf(part)), part).toBe(false);
});

test.each([
  [["--seconds", "abc"], "gateway: --seconds must be a number above 0"],
  [["--port", "-1"], "gateway: --port must be an integer from 0 to 65535"],
  [["--minutes", "1"], 'gateway: unknown option "--minutes"'],
])("%j ends it with code 1, a reason and nothing started", async (args, reason) => {
  await using gateway = new Gateway(...args);
  expect(await gateway.end()).toBe(1);
  expect(gateway.stderr).toContain(reason);
  expect(gateway.stdout).toBe("");
});

test("a port that is taken ends it with code 1 and a reason", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    await using gateway = new Gateway("--port", String(port));
    expect(await gateway.end()).toBe(1);
    expect(gateway.stderr).toContain(`gateway: port ${port} is taken by another program`);
    expect(gateway.stdout).toBe("");
  } finally {
    server.close();
  }
});

// Windows has no signals; processes are ended without notice there.
describe.skipIf(process.platform === "win32")("killed", () => {
  test("rules is withdrawn at once, started again, and answers again", async () => {
    await using gateway = new Gateway("--port", "0");
    await gateway.line(/ rules: cpu mean /);
    const before = gateway.pidOf("rules");
    process.kill(before, "SIGKILL");
    await gateway.lines(
      /- rules is gone /,
      /^gateway: rules was ended by SIGKILL; it is started again/,
      /^gateway: rules was started again as pid /,
      /\+ rules is back \(new process /,
    );
    await gateway.line(/ rules: cpu mean /);
    expect(gateway.pidOf("rules")).not.toBe(before);
    process.kill(gateway.pid, "SIGTERM");
    expect(await gateway.end()).toBe(0);
    expect(gateway.count("services seen")).toBe(4);
    expect(gateway.count("restarts")).toBe(1);
    expect(gateway.count("reconnects")).toBe(0);
  });

  test("the hub takes nobody along: everybody finds the new one", async () => {
    await using gateway = new Gateway("--port", "0");
    await gateway.line(/ rules: cpu mean /);
    process.kill(gateway.pidOf("hub"), "SIGKILL");
    await gateway.line(/= link with the hub lost: .*\(connection-lost\)/);
    await gateway.lines(
      /\+ hub is back \(new process /,
      /\+ telemetry is back \(same process /,
      /\+ rules is back \(same process /,
      /= linked with the hub /,
    );
    await gateway.line(/ rules: cpu mean /);
    process.kill(gateway.pid, "SIGTERM");
    expect(await gateway.end()).toBe(0);
    expect(gateway.count("reconnects")).toBe(3);
    expect(gateway.count("restarts")).toBe(1);
  });

  test("the printer, which shows everything, comes back as well", async () => {
    await using gateway = new Gateway("--port", "0");
    await gateway.line(/ rules: cpu mean /);
    process.kill(gateway.pidOf("printer"), "SIGKILL");
    await gateway.line(/^gateway: printer was started again as pid /);
    await gateway.line(/ rules: cpu mean /);
    process.kill(gateway.pid, "SIGTERM");
    expect(await gateway.end()).toBe(0);
  });

  test("the starter leaves no part behind", async () => {
    await using gateway = new Gateway("--port", "0");
    await gateway.line(/ rules: cpu mean /);
    const pids = PARTS.map((part) => gateway.pidOf(part));
    process.kill(gateway.pid, "SIGKILL");
    await expect.poll(() => pids.filter(isRunning), { timeout: stretched(10_000) }).toEqual([]);
  });
});

describe.skipIf(process.platform === "win32")("ended by Ctrl-C", () => {
  test("it ends all parts, which end by themselves, and says what there was", async () => {
    await using gateway = new Gateway("--port", "0");
    await gateway.line(/ rules: cpu mean /);
    const pids = PARTS.map((part) => gateway.pidOf(part));
    expect(pids.filter(isRunning)).toEqual(pids);
    // A terminal signals the whole group, and npm the starter once more.
    process.kill(-gateway.pid, "SIGINT");
    process.kill(gateway.pid, "SIGINT");
    expect(await gateway.end()).toBe(0);
    expect(gateway.stdout).toContain("gateway: Ctrl-C: ending everything");
    expect(gateway.stdout).not.toContain("was killed");
    expect(gateway.count("restarts")).toBe(0);
    expect(gateway.count("failures")).toBe(0);
    expect(pids.filter(isRunning)).toEqual([]);
  });

  test("a part that hangs is killed, and the exit code tells", async () => {
    await using gateway = new Gateway("--port", "0");
    await gateway.line(/ rules: cpu mean /);
    const pid = gateway.pidOf("rules");
    process.kill(pid, "SIGSTOP");
    process.kill(gateway.pid, "SIGINT");
    expect(await gateway.end()).toBe(1);
    expect(gateway.stdout).toContain(`gateway: rules (pid ${pid}) did not end and was killed`);
    expect(isRunning(pid)).toBe(false);
  });
});
