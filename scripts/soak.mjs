// `npm run soak -- --minutes 10`: a hub and a client under churn for that long. Passes when neither
// grows: the median resident memory of the last third of the run is at most that of the middle
// third plus 5 % plus 2 MiB. (The first third is for what fills up once.)
//
// `npm run soak -- --chaos --seed 1 --seconds 60`: clients of a hub under chaos (soak/chaos.mjs).
// Passes when what everybody has seen is what netsvc promises (soak/checker.mjs). Without a seed,
// one after the other from 1 on until it is ended; `--keep` keeps what was seen.
//
// Of the first:
// In the client, a lasting registry is cut off every half second while others come, connect,
// announce, call, publish, and go. This process is the network that cuts, and takes the figures.

import { fork } from "node:child_process";
import { once } from "node:events";
import { createConnection, createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { setupOrExit } from "./setup.mjs";
import { chaos } from "./soak/chaos.mjs";

const SAMPLES_PER_SECOND = 2;
const CUT_EVERY = 500;
const MEBIBYTE = 1 << 20;

const script = fileURLToPath(import.meta.url);
const [role, argument] = process.argv.slice(2);
if (role === "hub") await hub();
else if (role === "client") await client(Number(argument));
else if (process.argv.includes("--chaos")) await underChaos();
else await soak();

/** @param {(text: string) => void} refuse */
function minutesOf(refuse) {
  const [name = "--minutes", value = "10", ...more] = process.argv.slice(2);
  const minutes = Number(value);
  if (name !== "--minutes" || more.length > 0 || !(minutes > 0)) {
    refuse("usage: npm run soak -- --minutes 10");
  }
  return minutes;
}

async function underChaos() {
  const options = /** @type {const} */ ({
    chaos: { type: "boolean" },
    seed: { type: "string" },
    seconds: { type: "string", default: "60" },
    keep: { type: "boolean", default: false },
  });
  const { only, seconds, keep } = readOptions();
  await setupOrExit();
  for (let seed = only ?? 1; ; seed++) {
    const { violations, counts } = await chaos({
      ...{ seed, seconds, keep },
      ...(keep && { note: console.log }),
    });
    for (const violation of violations) console.error(`soak: ${violation}`);
    console.log(`soak: seed ${seed}: ${violations.length} violations; ${JSON.stringify(counts)}`);
    if (violations.length > 0) process.exit(1);
    if (only !== undefined) return;
  }

  function readOptions() {
    try {
      const { seed, seconds, keep } = parseArgs({ options }).values;
      const numbers = {
        only: seed === undefined ? undefined : Number(seed),
        seconds: Number(seconds),
      };
      const { only } = numbers;
      if (only !== undefined && !Number.isSafeInteger(only))
        throw new Error("--seed takes an integer");
      if (!(numbers.seconds > 0)) throw new Error("--seconds takes a number above 0");
      return { ...numbers, keep };
    } catch (error) {
      console.error(error instanceof Error ? error.message : String(error));
      console.error("usage: npm run soak -- --chaos [--seed 1] [--seconds 60] [--keep]");
      process.exit(2);
    }
  }
}

async function soak() {
  const minutes = minutesOf((text) => {
    console.error(text);
    process.exit(2);
  });
  await setupOrExit();
  // What is left after a collection says more than when the last one happened to be.
  const options = { execArgv: ["--expose-gc"] };
  const hub = fork(script, ["hub"], options);
  const [{ port }] = await once(hub, "message");
  const network = await cuttingNetwork(port);
  const client = fork(script, ["client", String(network.port)], options);
  const processes = { hub, client };
  let ended = false;
  for (const [name, child] of Object.entries(processes)) {
    child.once("exit", (code, signal) => {
      if (ended) return;
      console.error(`soak: the ${name} ended with ${code ?? signal}`);
      for (const each of Object.values(processes)) each.kill();
      process.exit(1);
    });
  }

  /** @type {Record<string, number[]>} */
  const sizes = { hub: [], client: [] };
  /** @type {Record<string, any>} */
  const last = {};
  const end = performance.now() + minutes * 60_000;
  for (let turn = 1; performance.now() < end; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 1000 / SAMPLES_PER_SECOND));
    for (const [name, child] of Object.entries(processes)) {
      const answer = once(child, "message");
      child.send("sample");
      [last[name]] = await answer;
      sizes[name]?.push(last[name].memory);
    }
    if (turn % (60 * SAMPLES_PER_SECOND) === 0) {
      const now = Object.entries(last).map(([name, { memory }]) => `${name} ${shown(memory)}`);
      console.log(`soak: ${turn / SAMPLES_PER_SECOND / 60} min: ${now.join(", ")}`);
    }
  }
  ended = true;
  for (const child of Object.values(processes)) child.kill();
  network.close();
  const { lives, calls, reports } = last.client.done;
  console.log(
    `soak: ${minutes} min: ${lives} registries came and went, ${calls} calls, ` +
      `${reports} reports, ${network.cuts} cuts of ${last.client.done.activations} links`,
  );
  // A run in which nothing happened shows nothing.
  const worked = lives > 0 && calls > 0 && reports > 0 && last.client.done.activations > 1;
  if (!worked) console.error("soak: nothing happened");
  const verdicts = Object.entries(sizes).map(([name, all]) => stays(name, all));
  process.exit(worked && verdicts.every(Boolean) ? 0 : 1);
}

/**
 * Whether a process has stopped to grow.
 * @param {string} name
 * @param {readonly number[]} sizes
 */
function stays(name, sizes) {
  const third = Math.floor(sizes.length / 3);
  const [first, middle, last] = [0, 1, 2].map((n) =>
    median(sizes.slice(n * third, (n + 1) * third)),
  );
  if (first === undefined || middle === undefined || last === undefined) return false;
  const allowed = middle * 1.05 + 2 * MEBIBYTE;
  const stays = last <= allowed;
  const thirds = [first, middle, last].map(shown).join(", ");
  console.log(
    `soak: ${name}: median of each third ${thirds}; allowed ${shown(allowed)}: ` +
      `${stays ? "stays" : "GROWS"}`,
  );
  return stays;
}

/** @param {readonly number[]} values */
function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/** @param {number} bytes */
function shown(bytes) {
  return `${(bytes / MEBIBYTE).toFixed(1)} MiB`;
}

/**
 * Passes bytes on, and cuts all connections off again and again.
 * @param {number} to
 */
async function cuttingNetwork(to) {
  /** @type {Set<import("node:net").Socket>} */
  const sockets = new Set();
  const server = createServer((near) => {
    const far = createConnection({ host: "127.0.0.1", port: to });
    for (const [from, onto] of /** @type {const} */ ([
      [near, far],
      [far, near],
    ])) {
      sockets.add(from);
      from.on("error", () => {}); // "close" follows
      from.on("close", () => {
        sockets.delete(from);
        onto.destroy();
      });
      from.pipe(onto);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const network = {
    port: /** @type {import("node:net").AddressInfo} */ (server.address()).port,
    cuts: 0,
    close() {
      clearInterval(timer);
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
  const timer = setInterval(() => {
    network.cuts += 1;
    for (const socket of sockets) socket.destroy();
  }, CUT_EVERY);
  return network;
}

/** Answers each request for a sample. @param {() => object} [done] */
function answerSamples(done = () => ({})) {
  process.on("message", () => {
    globalThis.gc?.();
    process.send?.({ memory: process.memoryUsage().rss, done: done() });
  });
  process.on("disconnect", () => process.exit());
}

async function hub() {
  const { EXCHANGE_SERVER, Exchange, registry, Service } = await import("../dist/index.js");
  const hub = new Exchange(EXCHANGE_SERVER, { log: "off" });
  const service = new Service("hub", { methods: { echo: (_, value) => value } });
  registry.watch({ group: "passing" }, () => {});
  registry.subscribe({ group: "passing" }, "*", ({ content }) => void content);
  setInterval(() => service.publish("tick", Date.now(), { lifetime: 1 }), 10);
  const { port } = await hub.listen(0);
  process.send?.({ port });
  answerSamples();
}

/** @param {number} port */
async function client(port) {
  const { EXCHANGE_CLIENT, Exchange, Registry, Service } = await import("../dist/index.js");
  const done = { lives: 0, calls: 0, reports: 0, activations: 0 };
  answerSamples(() => done);

  /** @param {string} label */
  function member(label) {
    const registry = new Registry({ label, log: "off" });
    const exchange = new Exchange(EXCHANGE_CLIENT, { registry });
    exchange.on("active", () => {
      done.activations += 1;
    });
    const link = exchange.connect("127.0.0.1", port, 0.02);
    const service = new Service(label, {
      ...{ registry, groups: ["passing"] },
      methods: { echo: (_, value) => value },
    });
    registry.subscribe("hub", "*", () => {
      done.reports += 1;
    });
    registry.subscribe({ group: "passing" }, "*", () => {
      done.reports += 1;
    });
    registry.watch(undefined, () => {});
    /** What a cut costs is expected here. @param {string} target */
    const call = async (target) => {
      try {
        await registry.service(target).call("echo", [{ label, at: Date.now() }], { timeout: 1 });
        done.calls += 1;
      } catch {}
    };
    /** @param {number} n */
    const work = async (n) => {
      for (let kept = 0; kept < 10; kept++) {
        service.publish(`kept.${kept}`, { n }, { lifetime: 5 });
        service.publish("live", new Uint8Array(1000));
      }
      await Promise.all(["hub", "lasting", "hub", "nobody"].map(call));
    };
    return { registry, link, work };
  }

  const lasting = member("lasting");
  void (async () => {
    for (let n = 0; ; n++) {
      await lasting.work(n);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  for (;;) {
    const { registry, link, work } = member("passing");
    // It may be cut off before, and comes back then.
    await link.ready;
    for (let n = 0; n < 3; n++) await work(n);
    // Every second one goes without a word to anybody that waits for it.
    await registry.close({ drain: done.lives % 2 });
    done.lives += 1;
  }
}
