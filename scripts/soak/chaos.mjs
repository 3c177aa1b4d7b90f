// Clients of a hub under chaos: networks that delay, slice, cut and swallow, processes that are
// stopped, killed and restarted, by a plan that follows from a seed. Afterwards what everybody has
// seen is judged.

import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { judge } from "./checker.mjs";
import { readHistory } from "./history.mjs";
import { planOf } from "./plan.mjs";
import { proxy } from "./proxy.mjs";

const CLIENTS = 6;
/** Seconds until everybody sees everybody again once the last fault is over, at most. */
const CALM = 20;
const here = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));

/**
 * @param {object} options
 * @param {number} options.seed
 * @param {number} options.seconds
 * @param {number} [options.grace] milliseconds that outcomes of calls may be late
 * @param {boolean} [options.keep] histories are left where they are, and the place is noted
 * @param {(line: string) => void} [options.note]
 * @returns {Promise<import("./checker.mjs").Verdict>}
 */
export async function chaos({ seed, seconds, grace, keep = false, note = () => {} }) {
  const folder = mkdtempSync(join(tmpdir(), "netsvc-chaos-"));
  const port = await freePort();
  /** @type {Hub} */
  const hub = { child: await startHub(port), busy: Promise.resolve() };
  /** @type {Client[]} */
  const clients = [];
  try {
    for (let n = 0; n < CLIENTS; n++) clients.push(await client(n, port, folder, seed));
    const plan = planOf({ seed, seconds, clients: CLIENTS });
    const began = performance.now();
    await Promise.all(
      plan.map(async (fault) => {
        await sleep(Math.max(0, fault.at * 1000 - (performance.now() - began)));
        note(`${fault.at.toFixed(1)} s: ${JSON.stringify(fault)}`);
        if (!("client" in fault)) await inflictOnHub(fault, hub, port);
        else await inflict(fault, clients[fault.client]);
      }),
    );
    await sleep(Math.max(0, seconds * 1000 - (performance.now() - began)));
    const calm = await settle(clients);
    const histories = [];
    for (const one of clients) histories.push(...(await one.end()));
    const verdict = judge(histories, grace);
    verdict.violations.unshift(...calm);
    verdict.counts.faults = plan.length;
    return verdict;
  } finally {
    for (const one of clients) one.kill();
    hub.child.kill("SIGKILL");
    if (keep) note(`histories: ${folder}`);
    else rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * `busy`: until what was last done to it is over, however long it takes to start.
 *
 * @typedef {{ child: import("node:child_process").ChildProcess, busy: Promise<unknown> }} Hub
 */

/** @typedef {import("./plan.mjs").Fault} Fault */

/**
 * @param {Extract<Fault, { kind: "stop-hub" | "restart-hub" }>} fault
 * @param {Hub} hub
 * @param {number} port
 */
function inflictOnHub(fault, hub, port) {
  const lasting = () => sleep((fault.until - fault.at) * 1000);
  hub.busy = hub.busy.then(async () => {
    if (fault.kind === "stop-hub") {
      hub.child.kill("SIGSTOP");
      await lasting();
      hub.child.kill("SIGCONT");
      return;
    }
    const gone = once(hub.child, "exit");
    hub.child.kill(fault.signal);
    await gone;
    await lasting();
    hub.child = await startHub(port);
  });
  return hub.busy;
}

/**
 * @param {Extract<Fault, { client: number }>} fault
 * @param {Client | undefined} client
 */
async function inflict(fault, client) {
  if (client === undefined) return;
  const lasting = () => sleep((fault.until - fault.at) * 1000);
  switch (fault.kind) {
    case "stop":
      client.signal("SIGSTOP");
      await lasting();
      client.signal("SIGCONT");
      return;
    case "kill":
      await client.restart(lasting);
      return;
    case "latency":
      client.network.set({ latency: fault.seconds });
      break;
    case "slices":
      client.network.set({ slices: true });
      break;
    case "cut":
      client.network.set({ cutAfter: fault.bytes });
      break;
    case "half-open":
      client.network.set({ silent: new Set([fault.direction]) });
      break;
    case "black-hole":
      client.network.set({ silent: new Set(["in", "out"]) });
      break;
  }
  await lasting();
  client.network.set({});
  // What was swallowed for so long is not delivered after all.
  if (fault.kind === "half-open" || fault.kind === "black-hole") client.network.cut();
}

/**
 * Waits until everybody sees everybody, and lets everybody publish a last report.
 *
 * @param {readonly Client[]} clients
 * @returns {Promise<string[]>} what did not come about
 */
async function settle(clients) {
  await Promise.all(clients.map((each) => each.ask("rest")));
  const expected = clients.flatMap(({ services }) => services).sort();
  const until = performance.now() + CALM * 1000;
  /** @type {string[]} */
  let wrong = [];
  do {
    const seen = await Promise.all(clients.map((each) => each.ask("sees")));
    wrong = seen.flatMap(({ services, good }, n) => {
      const missing = expected.filter((each) => !services.includes(each)).length;
      const ghosts = services.filter((/** @type {string} */ each) => !expected.includes(each));
      if (missing === 0 && ghosts.length === 0 && good === clients.length) return [];
      const what = `${missing} services missing, ${ghosts.length} ghosts, ${good} answer`;
      return [`${CALM} s after the last fault client ${n} sees: ${what}`];
    });
    if (wrong.length > 0) await sleep(200);
  } while (wrong.length > 0 && performance.now() < until);
  await Promise.all(clients.map((each) => each.ask("last")));
  // Two rounds of questions come after them on every way.
  for (let round = 0; round < 2; round++)
    await Promise.all(clients.map((each) => each.ask("sees")));
  return wrong;
}

/** @param {number} port */
async function startHub(port) {
  const child = spawn(process.execPath, [here("hub.mjs"), String(port)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(/** @type {import("node:stream").Readable} */ (child.stdout), "data");
  return child;
}

/** @typedef {Awaited<ReturnType<typeof client>>} Client */

/**
 * @param {number} n
 * @param {number} port of the hub
 * @param {string} folder
 * @param {number} seed
 */
async function client(n, port, folder, seed) {
  const network = await proxy(port);
  /** @type {{ label: string, path: string }[]} */
  const lives = [];
  let questions = 0;
  /** @type {import("node:child_process").ChildProcess} */
  let child;
  /** @type {Map<number, (result: any) => void>} */
  const asked = new Map();

  function start() {
    const label = `${n}.${lives.length}`;
    const path = join(folder, `${label}.jsonl`);
    lives.push({ label, path });
    child = fork(here("client.mjs"), [String(network.port), label, path, String(seed + n)]);
    child.on("message", (/** @type {any} */ { id, result }) => {
      asked.get(id)?.(result);
      asked.delete(id);
    });
  }
  const gone = () => once(child, "exit");
  /** @returns {Promise<any>} */
  const ask = (/** @type {string} */ command) =>
    new Promise((resolve, reject) => {
      const id = ++questions;
      asked.set(id, resolve);
      child.once("exit", (code, signal) => {
        if (asked.delete(id)) reject(new Error(`client ${n} ended: ${code ?? signal}`));
      });
      child.send({ id, command });
    });

  start();
  return {
    network,
    ask,
    get services() {
      const life = lives.at(-1);
      if (life === undefined) return [];
      const [first] = readHistory(life.label, life.path).entries;
      return first?.kind === "life" ? first.services : [];
    },
    signal: (/** @type {NodeJS.Signals} */ name) => child.kill(name),
    /** @param {() => Promise<unknown>} meanwhile */
    async restart(meanwhile) {
      const ended = gone();
      child.kill("SIGKILL");
      await ended;
      await meanwhile();
      start();
    },
    async end() {
      const ended = gone();
      await ask("end");
      await ended;
      return lives.map(({ label, path }) => readHistory(label, path));
    },
    kill() {
      child.kill("SIGKILL");
      network.close();
    },
  };
}

/** A port that nobody listens on. It stays the hub's over all restarts. */
async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  server.close();
  await once(server, "close");
  return port;
}
