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

/**
 * All of them; the last compiles the examples, too, which are then there to be run.
 * @param {readonly string[]} examples their file names
 * @returns {Consumer[]}
 */
export function consumers(examples) {
  const esm = { "use.mts": USE_MTS, "mixed.mts": MIXED_MTS };
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
