// mosquitto with the client mqtt (MQTT.js), MQTT 5, QoS 0.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadPackage } from "../lib/load.mjs";
import { findProgram, missingOf, packageVersion, programVersion } from "../lib/programs.mjs";

const CONFIG = ["set_tcp_nodelay true", "max_queued_messages 0"];

/**
 * @param {import("../lib/types.js").Place} place
 * @param {import("../lib/types.js").ClientOptions} [options]
 * @param {object} [more] of the client's options
 */
async function connect({ port }, { fast = false } = {}, more = {}) {
  const { default: mqtt } = await loadPackage("mqtt");
  return mqtt.connectAsync({
    host: "127.0.0.1",
    port,
    protocolVersion: 5,
    ...(fast && { reconnectPeriod: 10 }),
    ...more,
  });
}

/**
 * The client takes Buffers only.
 * @param {Uint8Array} content
 */
const bufferOf = ({ buffer, byteOffset, length }) => Buffer.from(buffer, byteOffset, length);

/** @type {import("../lib/types.js").Peer} */
const mosquitto = {
  settings: CONFIG,
  missing: async () => missingOf("mosquitto", "mqtt"),
  version: async () => `${await programVersion("mosquitto")}, ${packageVersion("mqtt")}`,
  server({ port, folder }) {
    const config = join(folder, "mosquitto.conf");
    const lines = [`listener ${port} 127.0.0.1`, "allow_anonymous true", ...CONFIG];
    writeFileSync(config, `${lines.join("\n")}\n`);
    return { program: findProgram("mosquitto") ?? "mosquitto", args: ["-c", config] };
  },

  async requester(place, options) {
    const client = await connect(place, options);
    const responseTopic = `reply/${client.options.clientId}`;
    /** @type {Map<number, { resolve: (content: Uint8Array) => void }>} */
    const pending = new Map();
    let lastId = 0;
    await client.subscribeAsync(responseTopic);
    client.on(
      "message",
      (/** @type {string} */ _, /** @type {Buffer} */ content, /** @type {any} */ packet) => {
        const id = packet.properties.correlationData.readUInt32BE(0);
        pending.get(id)?.resolve(content);
        pending.delete(id);
      },
    );
    return {
      request: (content) =>
        new Promise((resolve) => {
          lastId = (lastId + 1) >>> 0;
          pending.set(lastId, { resolve });
          const correlationData = Buffer.allocUnsafe(4);
          correlationData.writeUInt32BE(lastId);
          const properties = { responseTopic, correlationData };
          client.publish("echo", bufferOf(content), { qos: 0, properties });
        }),
    };
  },
  async responder(place, options) {
    const client = await connect(place, options);
    client.on(
      "message",
      (/** @type {string} */ _, /** @type {Buffer} */ content, /** @type {any} */ packet) => {
        const { responseTopic, correlationData } = packet.properties;
        client.publish(responseTopic, content, { qos: 0, properties: { correlationData } });
      },
    );
    await client.subscribeAsync("echo");
  },
  async publisher(place) {
    const client = await connect(place);
    return { publish: (content) => client.publish("data", bufferOf(content), { qos: 0 }) };
  },
  async subscriber(place, take, { patterns }) {
    const client = await connect(place);
    client.on("message", (/** @type {string} */ _, /** @type {Buffer} */ content) => take(content));
    for (let index = 1; index < patterns; index++) {
      await client.subscribeAsync(`other/${index}/+`);
    }
    await client.subscribeAsync("data");
    return { missed: () => undefined };
  },
  async idle(place) {
    await connect(place);
  },
  idleProgram: ({ port }) => `
    import mqtt from "${import.meta.resolve("mqtt")}";
    await mqtt.connectAsync({ host: "127.0.0.1", port: ${port}, protocolVersion: 5 });`,

  load: () => loadPackage("mqtt"),
  // By hand: a retained message for each service, and a last will that says that all are gone.
  async announcer(place, count) {
    const will = { topic: "gone", payload: Buffer.from("all"), qos: 0 };
    const client = await connect(place, {}, { will });
    const all = Array.from({ length: count }, (_, index) => {
      const info = JSON.stringify({ name: `service-${index}`, version: "1.0.0" });
      return client.publishAsync(`service/${index}`, info, { qos: 1, retain: true });
    });
    await Promise.all(all);
  },
  async watcher(place, _, seen) {
    const client = await connect(place);
    let visible = 0;
    client.on("message", (/** @type {string} */ topic, /** @type {Buffer} */ content) => {
      if (topic === "gone") {
        seen(0);
        return;
      }
      JSON.parse(content.toString());
      visible += 1;
      seen(visible);
    });
    await client.subscribeAsync(["gone", "service/+"]);
  },
};

export const peers = { mosquitto };
