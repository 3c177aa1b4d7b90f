// What somebody writes by hand instead of installing anything: length-prefixed frames over
// node:net, corked, one write for each frame, a hub with a Map of names. No deadlines, no counting,
// no limits.

/**
 * @param {boolean} unix over a Unix socket instead of TCP
 * @returns {import("../lib/types.js").Peer}
 */
const nodeNet = (unix) => ({
  settings: unix ? ["Unix socket instead of TCP"] : [],
  missing: async () => undefined,
  version: async () => `Node ${process.versions.node}`,

  async hub(place) {
    const { listen } = await import("./node-net/hub.mjs");
    await listen(addressOf(place, unix));
  },
  async requester(place, { fast }) {
    const client = await connect(addressOf(place, unix), fast);
    return { request: (content) => client.request("echo", content) };
  },
  async responder(place, { fast }) {
    const client = await connect(addressOf(place, unix), fast);
    await client.serve("echo", (content) => content);
  },
  async publisher(place) {
    const client = await connect(addressOf(place, unix));
    return { publish: (content) => client.publish("data", content) };
  },
  async subscriber(place, take, { patterns }) {
    const client = await connect(addressOf(place, unix));
    for (let index = 1; index < patterns; index++)
      await client.subscribe(`other.${index}`, () => {});
    await client.subscribe("data", take);
    return { missed: () => undefined };
  },
  async idle(place) {
    await connect(addressOf(place, unix));
  },
  idleProgram: (place) => `
    import { connect } from "${import.meta.resolve("./node-net/client.mjs")}";
    import { opener } from "${import.meta.resolve("./node-net/socket.mjs")}";
    await connect(opener(${JSON.stringify(addressOf(place, unix))}));`,
});

/**
 * @param {import("../lib/types.js").Place} place
 * @param {boolean} unix
 */
const addressOf = ({ port, path }, unix) => (unix ? { path } : { port, host: "127.0.0.1" });

/**
 * @param {ReturnType<typeof addressOf>} address
 * @param {boolean} [fast]
 */
async function connect(address, fast) {
  const client = await import("./node-net/client.mjs");
  const { opener } = await import("./node-net/socket.mjs");
  return client.connect(opener(address), fast === true ? 10 : undefined);
}

export const peers = { "node-net": nodeNet(false), "node-net-unix": nodeNet(true) };
