// nats-server with the client @nats-io/transport-node.

import { loadPackage } from "../lib/load.mjs";
import { findProgram, missingOf, packageVersion, programVersion } from "../lib/programs.mjs";

const PACKAGE = "@nats-io/transport-node";
/** Asked whether the announced services are still there, every so many milliseconds. */
const POLL_MS = 10;

/**
 * @param {{ noAsyncTraces?: boolean }} options
 * @returns {import("../lib/types.js").Peer}
 */
function nats({ noAsyncTraces = false }) {
  /**
   * @param {import("../lib/types.js").Place} place
   * @param {import("../lib/types.js").ClientOptions} [options]
   */
  const connect = async ({ port }, { fast = false } = {}) => {
    const client = await loadPackage(PACKAGE);
    return client.connect({
      servers: `127.0.0.1:${port}`,
      ...(noAsyncTraces && { noAsyncTraces }),
      ...(fast && { reconnectTimeWait: 10, reconnectJitter: 0, maxReconnectAttempts: -1 }),
    });
  };

  return {
    settings: noAsyncTraces ? ["noAsyncTraces"] : [],
    missing: async () => missingOf("nats-server", PACKAGE),
    version: async () => `${await programVersion("nats-server")}, ${packageVersion(PACKAGE)}`,
    server: ({ port }) => ({
      program: findProgram("nats-server") ?? "nats-server",
      args: ["-a", "127.0.0.1", "-p", `${port}`],
    }),

    async requester(place, options) {
      const connection = await connect(place, options);
      return {
        request: async (content) =>
          (await connection.request("echo", content, { timeout: 5000 })).data,
      };
    },
    async responder(place, options) {
      const connection = await connect(place, options);
      connection.subscribe("echo", {
        callback: (/** @type {unknown} */ _, /** @type {any} */ message) =>
          message.respond(message.data),
      });
      await connection.flush();
    },
    async publisher(place) {
      const connection = await connect(place);
      return { publish: (content) => connection.publish("data", content) };
    },
    async subscriber(place, take, { patterns }) {
      const connection = await connect(place);
      for (let index = 1; index < patterns; index++) {
        connection.subscribe(`other.${index}.*`, { callback: () => {} });
      }
      connection.subscribe("data", {
        callback: (/** @type {unknown} */ _, /** @type {any} */ message) => take(message.data),
      });
      await connection.flush();
      return { missed: () => undefined };
    },
    async idle(place) {
      await connect(place);
    },
    idleProgram: ({ port }) => `
      import { connect } from "${import.meta.resolve(PACKAGE)}";
      await connect({ servers: "127.0.0.1:${port}" });`,

    load: () => loadPackage(PACKAGE),
    // What its "micro services" do: whoever serves answers to $SRV.INFO. Nobody is told of a loss,
    // so one service is asked again and again.
    async announcer(place, count) {
      const connection = await connect(place);
      for (let index = 0; index < count; index++) {
        const info = JSON.stringify({ name: `service-${index}`, version: "1.0.0" });
        connection.subscribe("$SRV.INFO", {
          callback: (/** @type {unknown} */ _, /** @type {any} */ message) => message.respond(info),
        });
        connection.subscribe(`service-${index}`, {
          callback: (/** @type {unknown} */ _, /** @type {any} */ message) => message.respond(),
        });
      }
      await connection.flush();
    },
    async watcher(place, count, seen) {
      const connection = await connect(place);
      let visible = 0;
      const poll = async () => {
        try {
          await connection.request("service-0", "", { timeout: POLL_MS });
          setTimeout(poll, POLL_MS);
        } catch (error) {
          if (/** @type {Error} */ (error).name === "TimeoutError") poll();
          else seen(0);
        }
      };
      connection.subscribe("infos", {
        callback: (/** @type {unknown} */ _, /** @type {any} */ message) => {
          message.json();
          visible += 1;
          seen(visible);
          if (visible === count) poll();
        },
      });
      connection.publish("$SRV.INFO", "", { reply: "infos" });
    },
  };
}

/**
 * Traces concern requests alone.
 * @param {import("../lib/types.js").Peer} peer
 * @returns {import("../lib/types.js").Peer}
 */
function requestsOnly(peer) {
  const rest = { ...peer };
  const others = /** @type {const} */ ([
    "publisher",
    "subscriber",
    "idle",
    "idleProgram",
    "announcer",
    "watcher",
  ]);
  for (const role of others) delete rest[role];
  return rest;
}

/** @type {Record<string, import("../lib/types.js").Peer>} */
export const peers = {
  nats: nats({}),
  "nats-notrace": requestsOnly(nats({ noAsyncTraces: true })),
};
