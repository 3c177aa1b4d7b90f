// Plain JavaScript at its best: frames are gathered in a staging buffer, the hub passes runs of
// frames on as one piece, requests are slots. No deadlines, no counting, no limits.

/** @type {import("../lib/types.js").Peer} */
const nodeNet2 = {
  settings: [],
  missing: async () => undefined,
  version: async () => `Node ${process.versions.node}`,

  async hub({ port }) {
    const { listen } = await import("./node-net2/hub.mjs");
    await listen(port);
  },
  async requester({ port }, { fast }) {
    return { request: (await connect(port, fast)).requester("echo") };
  },
  async responder({ port }, { fast }) {
    await (await connect(port, fast)).serve("echo", (content) => content);
  },
  async publisher({ port }) {
    return { publish: (await connect(port)).publisher("data") };
  },
  async subscriber({ port }, take) {
    await (await connect(port)).subscribe("data", take);
    return { missed: () => undefined };
  },
  async idle({ port }) {
    await connect(port);
  },
  idleProgram: ({ port }) => `
    import { connect } from "${import.meta.resolve("./node-net2/client.mjs")}";
    await connect(${port});`,
};

/**
 * @param {number} port
 * @param {boolean} [fast]
 */
async function connect(port, fast) {
  const client = await import("./node-net2/client.mjs");
  return client.connect(port, fast === true ? 10 : undefined);
}

export const peers = { "node-net2": nodeNet2 };
