// Who compiles against the types of the package, for scripts/package-check.mjs: every way of
// resolving it, from ES modules and from CommonJS, with the flags that find most fault.

import { join } from "node:path";
import { root } from "./root.mjs";

/**
 * @typedef {object} Consumer
 * @property {string} title
 * @property {object} configuration what is in tsconfig.json
 * @property {Record<string, string>} programs files by name
 */

const STRICT = {
  target: "es2023",
  lib: ["es2023", "esnext.disposable"],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  isolatedModules: true,
  skipLibCheck: false,
  typeRoots: [join(root, "node_modules/@types")],
  types: ["node"],
};

const USE_MTS = `
import { Exchange, EXCHANGE_CLIENT, registry, type Report } from "netsvc";

interface Thermometer {
  methods: { read(unit?: "C" | "F"): number };
  reports: { temperature: number };
}
export async function use(): Promise<number> {
  const exchange: Exchange = new Exchange(EXCHANGE_CLIENT);
  exchange.connect("localhost", 11111);
  const thermometer = await registry.waitFor<Thermometer>("thermometer");
  const celsius: number = await thermometer.methods.read("C");
  // @ts-expect-error there is no such unit
  await thermometer.methods.read("K");
  return celsius;
}
export type Some = Report;
`;

/** As \`verbatimModuleSyntax\` wants it. */
const USE_CTS = `
import netsvc = require("netsvc");
const exchange: netsvc.Exchange = new netsvc.Exchange(netsvc.EXCHANGE_CLIENT);
export = { exchange, Exchange: netsvc.Exchange };
`;

/** Written as an ES module, compiled to CommonJS: everything there is, and the whole. */
const INTEROP_CTS = `
import netsvc, { Exchange, EXCHANGE_CLIENT } from "netsvc";
import * as all from "netsvc";

if (netsvc.Exchange !== Exchange || all.Exchange !== Exchange) throw new Error("another Exchange");
export const exchange: netsvc.Exchange = new Exchange(EXCHANGE_CLIENT);
`;

/** Both formats at once: the classes have private members, so two declarations would not fit. */
const MIXED_MTS = `
import { createRequire } from "node:module";
import type { Exchange, Registry } from "netsvc";
import type * as common from "netsvc" with { "resolution-mode": "require" };

export function mix(registry: common.Registry, exchange: Exchange): [Registry, common.Exchange] {
  return [registry, exchange];
}
export default createRequire(import.meta.url);
`;

/** Whoever passes on what may be missing says undefined, which is as good as nothing. */
const OPTIONS_MTS = `
import {
  type Authorise,
  Exchange,
  EXCHANGE_CLIENT,
  EXCHANGE_SERVER,
  type Io,
  type LogOption,
  Registry,
  Service,
} from "netsvc";

const maybe = <T,>(value?: T): T | undefined => value;
const seconds = maybe<number>();
const count = maybe<number>();
const text = maybe<string>();
const signal = maybe<AbortSignal>();
const log = maybe<LogOption>();
const io = maybe<Io>();
const limits = {
  payload: count, outbox: count, subscriptionReports: count, subscriptionBytes: count,
  runningRequests: count, pendingRequests: count, services: count, announcedBytes: count,
  interests: count, keptValues: count, keptBytes: count, links: count, linksPerSource: count,
  handshakes: count,
};
const callbackError = maybe<(error: unknown) => void>();
const options = { label: text, io, log, callbackError, maxTimeout: seconds, maxRetry: seconds };
const here = new Registry({ ...options, limits });
const there = new Registry({ ...options, limits: maybe<object>() });

const heartbeat = { interval: seconds, dead: seconds };
const authorise = maybe<Authorise>();
const hub = new Exchange(EXCHANGE_SERVER, { registry: here, group: text, log, heartbeat, authorise });
const tcpOnly = maybe<boolean>();
const { port } = await hub.listen(0, { host: text, tcpOnly });
const client = new Exchange(EXCHANGE_CLIENT, { registry: there, heartbeat: maybe<object>() });
client.connect({ host: text, port, path: text, retry: seconds, tcpOnly, signal });

interface Echo {
  methods: {
    echo(what: number, unit?: string): number;
    twice(what: number): AsyncIterable<number>;
  };
  reports: { kept: number; passing: number };
}
const groups = maybe<string[]>();
const service = new Service<Echo>("echo", {
  registry: here,
  audience: text,
  groups,
  methods: {
    echo: (_, what) => what,
    async *twice(_, what) {
      yield what;
    },
  },
});
new Service("empty", { registry: here, methods: undefined });
service.publish("kept", 1, { lifetime: 60, to: text });
service.publish("passing", 1, { lifetime: seconds, to: text });
const wait = { timeout: seconds, signal, wait: maybe<boolean>() };
const echo = await there.waitFor<Echo>("echo", { timeout: 20, signal });
if ((await echo.call("echo", [1, text], wait)) !== 1) throw new Error("another answer");
if ((await echo.methods.echo(1, text)) !== 1) throw new Error("another answer");
for await (const part of echo.stream("twice", [1], { ...wait, credit: count }))
  if (part !== 1) throw new Error("another part");
const policy = maybe<"buffer" | "latest">();
const bounds = { signal, policy, maxReports: count, maxBytes: count };
for await (const { content } of there.subscribe("echo", "kept", bounds)) {
  if (content !== 1) throw new Error("another report");
  break;
}
const filter = { name: "echo", identity: text, group: text };
for await (const change of there.watch(filter, { signal })) {
  if (change.status !== "available") throw new Error("another change");
  break;
}
await client.flush({ timeout: seconds, signal });
await client.close({ drain: seconds });
await here.close({ drain: seconds });
await there.close({ drain: 0 });
`;

/**
 * All of them; the last compiles the examples, too, which are then there to be run.
 * @param {readonly string[]} examples their file names
 * @returns {Consumer[]}
 */
export function consumers(examples) {
  const esm = { "use.mts": USE_MTS, "mixed.mts": MIXED_MTS, "options.mts": OPTIONS_MTS };
  const both = { ...esm, "use.cts": USE_CTS };
  const verbatim = { verbatimModuleSyntax: true };
  return [
    consumer("bundler", { module: "preserve", moduleResolution: "bundler", noEmit: true }, esm),
    consumer("node16", { module: "node16", ...verbatim, noEmit: true }, both),
    consumer("node16, not verbatim", { module: "node16" }, { "interop.cts": INTEROP_CTS }),
    consumer("nodenext", { module: "nodenext", ...verbatim }, both, examples),
  ];
}

/**
 * @param {string} title
 * @param {object} options
 * @param {Record<string, string>} programs
 * @param {readonly string[]} [examples]
 * @returns {Consumer}
 */
function consumer(title, options, programs, examples = []) {
  const files = [...Object.keys(programs), ...examples];
  return { title, programs, configuration: { compilerOptions: { ...STRICT, ...options }, files } };
}
