// A client under chaos: `client.mjs PORT LABEL HISTORY SEED`. Provides, calls, publishes and
// subscribes, and writes down what it sees, line by line into the file HISTORY, which outlives a
// SIGKILL. The kinds of records: see history.mjs.

import { closeSync, openSync, writeSync } from "node:fs";
import {
  EXCHANGE_CLIENT,
  Exchange,
  Registry,
  RequestError,
  Service,
  ServiceFailure,
} from "../../dist/index.js";
import { seeded } from "./random.mjs";

const [port, label = "", path = "", seed] = process.argv.slice(2);
const random = seeded(Number(seed));
const file = openSync(path, "a");
/** @type {string[]} */
let lines = [];

/** @param {import("./history.mjs").Entry} entry */
function record(entry) {
  lines.push(JSON.stringify(entry));
}

/** What a handler does has to be on record before its answer leaves. */
function flush() {
  if (lines.length === 0) return;
  writeSync(file, `${lines.join("\n")}\n`);
  lines = [];
}

const registry = new Registry({ label, log: "off" });
const exchange = new Exchange(EXCHANGE_CLIENT, {
  ...{ registry, log: "off" },
  heartbeat: { interval: 0.5, dead: 1.5 },
});
exchange.connect("127.0.0.1", Number(port), 0.05);

/** The longest time since a moment for which this process did nothing at all. */
const pauses = (() => {
  const EVERY = 10;
  let last = performance.now();
  /** @type {{ at: number, length: number }[]} */
  const seen = [];
  setInterval(() => {
    const now = performance.now();
    if (now - last > 3 * EVERY) seen.push({ at: now, length: now - last });
    if (seen.length > 1000) seen.splice(0, 500);
    last = now;
  }, EVERY);
  return {
    /** @param {number} moment */
    since(moment) {
      const now = performance.now();
      const lengths = seen.filter(({ at }) => at >= moment).map(({ length }) => length);
      return Math.max(now - last, ...lengths);
    },
  };
})();

const meter = new Service("meter", {
  ...{ registry, groups: ["all", "meters"] },
  methods: {
    /** @param {any} _ @param {any} call */
    double(_, call, /** @type {any} */ value) {
      ran(call);
      return value * 2;
    },
    /** @param {any} context @param {any} call */
    async late({ signal }, call, /** @type {any} */ milliseconds) {
      ran(call);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        signal.addEventListener("abort", () => resolve(clearTimeout(timer)), { once: true });
      });
      return "late";
    },
    /** @param {any} _ @param {any} call */
    fail(_, call) {
      ran(call);
      throw new ServiceFailure("as-asked", "as asked", call);
    },
    /** @param {any} _ @param {any} call */
    async *count(_, call, /** @type {any} */ last) {
      ran(call);
      for (let part = 1; part <= last; part++) yield part;
    },
  },
});
const clock = new Service("clock", { registry, groups: ["all"] });

/** @param {string} call */
function ran(call) {
  record({ kind: "ran", call });
  flush();
}

for (const [name, target] of /** @type {const} */ ([
  ["name", "meter"],
  ["group", { group: "all" }],
  ["both", { group: "meters" }],
])) {
  registry.subscribe(target, "*", ({ service, sequence, missed, replayed, resumed, content }) => {
    record({
      ...{ kind: "told", by: name, service: service.identity, sequence },
      ...{ missed, replayed, resumed, content },
    });
  });
}
registry.watch(undefined, ({ status, service }) => {
  record({ kind: "seen", status, service: service.identity });
});

let published = 0;
const publishing = setInterval(() => {
  for (let n = random.integer(4); n > 0; n--) {
    const kept = random.integer(10) === 0;
    const service = random.pick([meter, meter, clock]);
    const subject = `${kept ? "kept" : "live"}.${random.integer(5)}`;
    service.publish(subject, ++published, kept ? { lifetime: 3 } : {});
  }
}, 10);

let calls = 0;
const calling = setInterval(() => {
  for (let n = random.integer(3); n > 0; n--) void call();
}, 20);
const writing = setInterval(flush, 20);

async function call() {
  const id = `${registry.id} ${++calls}`;
  const method = random.pick(["double", "double", "late", "fail", "count", "cancelled"]);
  const timeout = random.between(0.05, 1.5);
  const value = method === "late" ? random.integer(1000) : random.integer(30);
  const others = registry.lookup({ name: "meter" });
  const one = others[random.integer(others.length)];
  const target = random.integer(2) === 0 || one === undefined ? "meter" : one;
  const wait = random.integer(4) === 0;
  record({ kind: "called", call: id, method, value });
  const inTime = () => performance.now() + timeout * 1000;
  let deadline = inTime();
  /** @type {import("./history.mjs").Outcome} */
  let outcome;
  try {
    outcome = { result: await asked() };
  } catch (/** @type {any} */ error) {
    const { code, delivered } = error;
    if (error instanceof RequestError) outcome = { code, delivered };
    else if (error instanceof ServiceFailure) outcome = { failure: code };
    else outcome = { unexpected: String(error) };
  }
  const late = Math.max(0, performance.now() - deadline);
  record({ kind: "ended", call: id, late, paused: late > 0 ? pauses.since(deadline) : 0, outcome });

  async function asked() {
    const handle = registry.service(target);
    if (method === "count") {
      let last = 0;
      for await (const part of handle.stream("count", [id, value], { timeout, wait })) {
        if (part !== last + 1) throw new Error(`part ${part} after ${last}`);
        last = part;
        // Of a stream, each part may take so long.
        deadline = inTime();
      }
      return last;
    }
    if (method !== "cancelled") {
      return handle.call(method, [id, value], { timeout, wait });
    }
    const signal = AbortSignal.timeout(random.integer(60));
    return handle.call("late", [id, 200], { timeout, wait, signal });
  }
}

/** @type {Record<string, (argument: any) => unknown>} */
const commands = {
  /** No more of its own accord. */
  rest() {
    clearInterval(publishing);
    clearInterval(calling);
  },
  /** Which services are here, and which answer. */
  async sees() {
    const meters = registry.lookup({ name: "meter" });
    const answers = meters.map(async (target) => {
      const id = `${registry.id} ${++calls}`;
      try {
        return (await registry.service(target).call("double", [id, 4], { timeout: 1 })) === 8;
      } catch {
        return false;
      }
    });
    const good = (await Promise.all(answers)).filter(Boolean).length;
    const services = registry.lookup({ group: "all" }).map(({ identity }) => identity);
    return { services: services.sort(), good };
  },
  /** The last reports, by which those who hear them know what else they should have heard. */
  last() {
    for (const service of [meter, clock]) service.publish("last", ++published);
  },
  /** Leaves in peace. */
  async end() {
    clearInterval(writing);
    await registry.close({ drain: 1 });
    record({ kind: "end" });
    flush();
    closeSync(file);
    setImmediate(() => process.exit());
  },
};

record({ kind: "life", process: registry.id, services: [meter, clock].map((s) => s.identity) });
flush();
process.on("message", async (/** @type {any} */ { id, command, argument }) => {
  const result = await commands[command]?.(argument);
  process.send?.({ id, result });
});
process.on("disconnect", () => process.exit());
