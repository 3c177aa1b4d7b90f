// The small examples, all at once, as their reader starts them.

import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "../../scripts/lib/root.mjs";
import { WatchedProcess } from "../../scripts/lib/watched.mjs";
import { checkExamples } from "../../scripts/setup.mjs";
import { stretched } from "../helpers/time.mjs";

/** Longest wait for an output, in milliseconds. */
const PATIENCE = stretched(15_000);

const started: WatchedProcess[] = [];
let port = "0";

beforeAll(async () => {
  checkExamples();
  const hub = start("hub");
  await printed(hub, /port \d+/);
  port = /port (\d+)/.exec(hub.stdout)?.[1] ?? "";
});

afterAll(async () => {
  await Promise.all(started.map((process) => process.stop()));
});

test("users of a service wait for it, are answered, get its reports, and see it go", async () => {
  const users = { request: start("request"), subscribe: start("subscribe"), watch: start("watch") };
  const thermometer = start("thermometer");

  await users.request.until(() => users.request.ended !== undefined, PATIENCE);
  expect(users.request.stderr).toBe("");
  expect(users.request.stdout).toMatch(/^-?[\d.]+ °C\n-?[\d.]+ °F\n$/);
  expect(users.request.ended?.code).toBe(0);

  await printed(users.subscribe, /^temperature\.kitchen: -?[\d.]+ °C$/m);
  await printed(users.watch, /^joined thermometer of /m);
  await thermometer.stop();
  await printed(users.watch, /^left thermometer of /m);
});

function start(example: string): WatchedProcess {
  const script = join(root, `.cache/examples/${example}.js`);
  const process_ = new WatchedProcess([script, port], { cwd: root, env: process.env });
  started.push(process_);
  return process_;
}

async function printed(process_: WatchedProcess, pattern: RegExp): Promise<void> {
  await process_.until(() => pattern.test(process_.stdout), PATIENCE);
  expect(process_.stdout + process_.stderr).toMatch(pattern);
}
