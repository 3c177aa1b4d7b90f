// What somebody writes by hand instead of installing anything: length-prefixed frames over node:net,
// corked, one write for each frame, a hub with a Map of names. No deadlines, no counting, no limits.

/** @type {import("../lib/types.js").Peer} */
const nodeNet = {
  settings: [],
  missing: async () => undefined,
  version: async () => `Node ${process.versions.node}`,

  async hub({ port }) {
    const { listen } = await import("./node-net/hub.mjs");
    await listen(port);
  },
  async requester({ port }, { fast }) {
    const client = await connect(port, fast);
    return { request: (content) => client.request("echo", content) };
  },
  async responder({ port }, { fast }) {
    const client = await connect(port, fast);
    await client.serve("echo", (content) => content);
  },
  async publisher({ port }) {
    const client = await connect(port);
    return { publish: (content) => client.publish("data", content) };
  },
  async subscriber({ port }, take, { patterns }) {
    const client = await connect(port);
    for (let index = 1; index < patterns; index++)
      await client.subscribe(`other.${index}`, () => {});
    await client.subscribe("data", take);
    return { missed: () => undefined };
  },
  async idle({ port }) {
    await connect(port);
  },
  idleProgram: ({ port }) => `
    import { connect } from "${import.meta.resolve("./node-net/client.mjs")}";
    import { opener } from "${import.meta.resolve("./node-net/socket.mjs")}";
    await connect(opener(${port}));`,
};

/**
 * @param {number} port
 * @param {boolean} [fast]
 */
async function connect(port, fast) {
  const client = await import("./node-net/client.mjs");
  const { opener } = await import("./node-net/socket.mjs");
  return client.connect(opener(port), fast === true ? 10 : undefined);
}

export const peers = { "node-net": nodeNet };
