// netsvc as its documentation shows it: nothing is set but where a variant says so.

import { readFileSync } from "node:fs";

/**
 * @typedef {object} Variant
 * @property {"thread"} [io] the registry's option
 * @property {boolean} [unix] over a Unix socket with a path
 * @property {boolean} [tcpOnly] not over the Unix socket beside the loopback address
 * @property {boolean} [iterate] reports are taken by `for await` instead of by a callback
 * @property {boolean} [signal] handlers ask for `context.signal`
 * @property {readonly string[]} [settings]
 */

const SERVICE = "bench";

/**
 * The built package. What is not yet known to its types may be asked of it all the same.
 * @returns {Promise<typeof import("../../dist/index.js")>}
 */
const load = () => import("../../dist/index.js");

/**
 * @param {Variant} variant
 * @returns {import("../lib/types.js").Peer}
 */
function netsvc({
  io,
  unix = false,
  tcpOnly = false,
  iterate = false,
  signal = false,
  settings = [],
}) {
  /** @param {import("../lib/types.js").Limits} [limits] */
  const registryOf = async (limits = {}) => {
    const { Registry } = await load();
    const options = { limits, log: /** @type {const} */ ("error"), ...(io && { io }) };
    return new Registry(options);
  };
  /**
   * @param {import("../lib/types.js").Place} place
   * @param {import("../lib/types.js").ClientOptions} [options]
   * @param {import("../lib/types.js").Limits} [limits]
   */
  const connect = async (place, { fast = false } = {}, limits) => {
    const { EXCHANGE_CLIENT, Exchange } = await load();
    const registry = await registryOf(limits);
    const exchange = new Exchange(EXCHANGE_CLIENT, { registry });
    const address = unix ? { path: place.path } : { host: "127.0.0.1", port: place.port, tcpOnly };
    const link = exchange.connect({ ...address, ...(fast && { retry: 0.01 }) });
    return { registry, exchange, link };
  };

  return {
    settings,
    missing: async () => (io === undefined || (await knowsIo()) ? undefined : "no option `io` yet"),
    version: async () => {
      const path = new URL("../../package.json", import.meta.url);
      return JSON.parse(readFileSync(path, "utf8")).version;
    },

    async hub(place, limits) {
      const { EXCHANGE_SERVER, Exchange } = await load();
      const hub = new Exchange(EXCHANGE_SERVER, { registry: await registryOf(limits) });
      if (unix) await hub.listen({ path: place.path });
      else await hub.listen(place.port);
    },

    async requester(place, options) {
      const { registry } = await connect(place, options);
      const service = await registry.waitFor(SERVICE);
      return {
        request: (content) =>
          /** @type {Promise<Uint8Array>} */ (/** @type {any} */ (service.methods).echo(content)),
      };
    },

    async responder(place, options) {
      const { Service } = await load();
      const { registry, link } = await connect(place, options);
      new Service(SERVICE, {
        registry,
        methods: {
          echo: signal
            ? (context, content) => (context.signal.aborted ? undefined : content)
            : (_, content) => content,
        },
      });
      await link.ready;
    },

    async publisher(place) {
      const { Service } = await load();
      const { registry, link } = await connect(place);
      const service = new Service(SERVICE, { registry });
      await link.ready;
      return { publish: (content) => void service.publish("data", content) };
    },

    async subscriber(place, take, { patterns }) {
      const { registry, exchange, link } = await connect(place);
      for (let index = 1; index < patterns; index++) {
        registry.subscribe(SERVICE, `other.${index}.*`, () => {
          throw new Error("a pattern matched what it does not match");
        });
      }
      const subscription = iterate
        ? registry.subscribe(SERVICE, "data")
        : registry.subscribe(SERVICE, "data", (report) =>
            take(/** @type {Uint8Array} */ (report.content)),
          );
      if (iterate) void takeAll(subscription, take);
      await link.ready;
      await exchange.flush();
      return { missed: () => subscription.missed };
    },

    async idle(place) {
      const { link } = await connect(place);
      await link.ready;
    },

    idleProgram({ port, path }) {
      const options = `{ registry: new Registry({ io: ${JSON.stringify(io)} }) }`;
      return `
        import { EXCHANGE_CLIENT, Exchange, Registry } from "${import.meta.resolve("../../dist/index.js")}";
        const exchange = new Exchange(EXCHANGE_CLIENT${io === undefined ? "" : `, ${options}`});
        await exchange.connect(${JSON.stringify(unix ? { path } : { host: "127.0.0.1", port, tcpOnly })}).ready;`;
    },

    async announcer(place, count, limits) {
      const { Service } = await load();
      const { registry, exchange, link } = await connect(place, {}, limits);
      for (let index = 0; index < count; index++) {
        new Service(`service-${index}`, { registry, methods: { get: () => index } });
      }
      await link.ready;
      await exchange.flush();
    },

    // The addon comes with the first registry that is used.
    load: async () => (await registryOf()).id,
    async watcher(place, _, seen) {
      const { registry } = await connect(place);
      let visible = 0;
      registry.watch(undefined, ({ status }) => {
        if (status === "available") visible += 1;
        else if (status === "withdrawn") visible -= 1;
        else return;
        seen(visible);
      });
    },
  };
}

/**
 * @param {AsyncIterable<{ content: unknown }>} reports
 * @param {(content: Uint8Array) => void} take
 */
async function takeAll(reports, take) {
  for await (const { content } of reports) take(/** @type {Uint8Array} */ (content));
}

/** Whether the installed netsvc has the option `io`: one that has it refuses a wrong value. */
async function knowsIo() {
  const { Registry } = await load();
  try {
    new Registry(/** @type {any} */ ({ io: "no such value" }));
    return false;
  } catch {
    return true;
  }
}

/** @type {Record<string, import("../lib/types.js").Peer>} */
export const peers = {
  netsvc: netsvc({}),
  "netsvc-thread": netsvc({ io: "thread", settings: ['io: "thread"'] }),
  "netsvc-tcp": netsvc({ tcpOnly: true, settings: ["tcpOnly: true"] }),
  "netsvc-unix": netsvc({ unix: true, settings: ["Unix socket with a path"] }),
  "netsvc-iterate": netsvc({ iterate: true, settings: ["reports by `for await`"] }),
  "netsvc-signal": netsvc({ signal: true, settings: ["handlers ask for `context.signal`"] }),
};
