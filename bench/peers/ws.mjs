// A hub by hand over WebSockets (package ws): the frames and the Maps of node-net, a binary message
// each.

import { loadPackage } from "../lib/load.mjs";
import { missingOf, packageVersion } from "../lib/programs.mjs";

/** @type {import("../lib/types.js").Peer} */
const ws = {
  settings: ["corked by hand", "without bufferutil"],
  missing: async () => missingOf(undefined, "ws"),
  version: async () => packageVersion("ws"),

  async hub({ port }) {
    const { listen } = await import("./ws/socket.mjs");
    await listen(await loadPackage("ws"), port);
  },
  async requester(place, options) {
    const client = await connect(place, options);
    return { request: (content) => client.request("echo", content) };
  },
  async responder(place, options) {
    const client = await connect(place, options);
    await client.serve("echo", (content) => content);
  },
  async publisher(place) {
    const client = await connect(place);
    return { publish: (content) => client.publish("data", content) };
  },
  async subscriber(place, take) {
    const client = await connect(place);
    await client.subscribe("data", take);
    return { missed: () => undefined };
  },
  async idle(place) {
    await connect(place);
  },
  idleProgram: ({ port }) => `
    import * as ws from "${import.meta.resolve("ws")}";
    import { connect } from "${import.meta.resolve("./node-net/client.mjs")}";
    import { opener } from "${import.meta.resolve("./ws/socket.mjs")}";
    await connect(opener(ws, ${port}));`,
};

/**
 * @param {import("../lib/types.js").Place} place
 * @param {import("../lib/types.js").ClientOptions} [options]
 */
async function connect({ port }, { fast = false } = {}) {
  const { connect: open } = await import("./node-net/client.mjs");
  const { opener } = await import("./ws/socket.mjs");
  return open(opener(await loadPackage("ws"), port), fast ? 10 : undefined);
}

export const peers = { ws };
