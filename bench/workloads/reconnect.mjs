import { sleep } from "../lib/session.mjs";
import { summary } from "../lib/statistics.mjs";

const CLIENTS = 50;
const DOWN_SECONDS = 1;

/**
 * @param {string} id
 * @param {string} how
 * @param {boolean} fast
 * @returns {import("../lib/types.js").Workload}
 */
const reconnect = (id, how, fast) => ({
  id,
  title: `Hub killed, back after 1 s: ms until requests of ${CLIENTS} clients are answered, ${how}`,
  needs: ["requester", "responder"],
  scripted: true,
  columns: [
    { key: "last", title: "last client", format: "number", better: "less" },
    { key: "median", title: "median client", format: "number", better: "less" },
    { key: "first", title: "first client", format: "number", better: "less" },
  ],
  async measure(session) {
    const hub = await session.hub();
    await session.start("responder", { fast });
    const crowd = await session.start("crowd", { clients: CLIENTS, fast });
    await hub.kill();
    await crowd.ask("probe");
    await sleep(DOWN_SECONDS);
    const again = await session.hub();
    /** @type {number} */
    const listening = await again.ask("listening");
    /** @type {number[]} */
    const answered = await crowd.ask("answered");
    const found = summary(answered.map((at) => (at - listening) / 1e6));
    return { last: found?.max, median: found?.median, first: found?.min };
  },
});

export const workloads = [
  reconnect("W7", "as by default", false),
  reconnect("W7f", "retrying as fast as the options allow", true),
];
