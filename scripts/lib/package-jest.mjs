// Tests of an application by Jest, which loads CommonJS into a world of its own; for
// scripts/package-check.mjs and scripts/package-matrix.mjs.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./run.mjs";
import { toolScript } from "./tools.mjs";

const TEST = `
const netsvc = require("netsvc");
const { Exchange, EXCHANGE_CLIENT, EXCHANGE_SERVER, Registry, Service } = netsvc;

test("a hub and a client exchange a request and a report", async () => {
  const here = new Registry();
  const there = new Registry();
  const { port } = await new Exchange(EXCHANGE_SERVER, { registry: here }).listen(0);
  new Exchange(EXCHANGE_CLIENT, { registry: there }).connect("127.0.0.1", port);
  const service = new Service("echo", { registry: here, methods: { echo: (_, what) => what } });
  const echo = await there.waitFor("echo", { timeout: 20 });
  const content = { bytes: new Uint8Array([1, 2, 3]), map: new Map([[1, [2]]]) };
  expect(await echo.call("echo", [content])).toEqual(content);
  service.publish("kept", content, { lifetime: 60 });
  for await (const report of there.subscribe("echo", "kept")) {
    expect(report.content).toEqual(content);
    break;
  }
  await Promise.all([here.close(), there.close()]);
});
`;

/**
 * Throws an error with what Jest says unless everything passes.
 * @param {string} node the program that runs it
 * @param {string} project with netsvc in its node_modules
 * @param {NodeJS.ProcessEnv} env
 */
export async function checkJest(node, project, env) {
  const folder = join(project, "jest");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const manifest = { private: true, jest: { testEnvironment: "node" } };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  // Two files: the addon is loaded once, what is around it anew for each.
  for (const name of ["one.test.js", "two.test.js"]) writeFileSync(join(folder, name), TEST);
  const args = [await toolScript("jest", "jest"), "--runInBand", "--cacheDirectory=cache"];
  const { code, stdout, stderr } = await run(node, args, { cwd: folder, env, quiet: true });
  if (code !== 0 || !/Tests: +2 passed, 2 total/.test(stderr)) throw new Error(stdout + stderr);
}
