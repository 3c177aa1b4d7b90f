// The network between one client and the hub: passes bytes on, unless told to do worse.

import { once } from "node:events";
import { createConnection, createServer } from "node:net";

/** So many bytes of what comes at once go on one by one: more would measure this process. */
const SLICED = 96;

/**
 * @typedef {object} Weather what connections go through; all of it may change while they are there
 * @property {number} latency seconds, each way
 * @property {boolean} slices the first bytes of whatever comes are passed on one by one
 * @property {number} cutAfter bytes from the client until all connections are cut
 * @property {ReadonlySet<"in" | "out">} silent directions (seen from the client) in which nothing
 * is passed on, and nothing is lost either
 */

/** @returns {Weather} */
const fair = () => ({
  latency: 0,
  slices: false,
  cutAfter: Number.POSITIVE_INFINITY,
  silent: new Set(),
});

/**
 * @param {number} to the hub's port
 */
export async function proxy(to) {
  let weather = fair();
  /** @type {Set<ReturnType<typeof pipe>>} */
  const pipes = new Set();
  const server = createServer((near) => {
    const far = createConnection({ host: "127.0.0.1", port: to });
    for (const socket of [near, far]) socket.setNoDelay(true);
    join(near, far, "out");
    join(far, near, "in");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  /**
   * @param {import("node:net").Socket} from
   * @param {import("node:net").Socket} onto
   * @param {"in" | "out"} direction
   */
  function join(from, onto, direction) {
    const joined = pipe(from, onto, direction, () => weather, cut);
    pipes.add(joined);
    from.on("error", () => {}); // "close" follows
    from.on("close", () => {
      pipes.delete(joined);
      onto.destroy();
    });
  }

  function cut() {
    for (const { from } of pipes) from.destroy();
  }

  return {
    port: /** @type {import("node:net").AddressInfo} */ (server.address()).port,
    cut,
    /** @param {Partial<Weather>} change */
    set(change) {
      weather = { ...fair(), ...change };
      for (const each of pipes) each.flow();
    },
    close() {
      server.close();
      cut();
    },
  };
}

/**
 * One direction of one connection.
 *
 * @param {import("node:net").Socket} from
 * @param {import("node:net").Socket} onto
 * @param {"in" | "out"} direction
 * @param {() => Weather} weather
 * @param {() => void} cut
 */
function pipe(from, onto, direction, weather, cut) {
  /** What has arrived, and when it may go on. @type {{ bytes: Buffer, at: number }[]} */
  const waiting = [];
  let bytesSeen = 0;
  /** @type {NodeJS.Timeout | undefined} */
  let timer;

  from.on("data", (bytes) => {
    waiting.push({ bytes, at: performance.now() + weather().latency * 1000 });
    // What waits here is bounded by the sockets' own back-pressure.
    if (weather().silent.has(direction) || waiting.length > 64) from.pause();
    flow();
  });
  from.on("end", () => {
    // What was said last goes on before the end does.
    flow();
    onto.end();
  });
  onto.on("drain", flow);

  function flow() {
    clearTimeout(timer);
    const { silent, slices, cutAfter } = weather();
    if (silent.has(direction)) return;
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      const early = next.at - performance.now();
      if (early > 0) {
        timer = setTimeout(flow, early);
        return;
      }
      waiting.shift();
      if (onto.destroyed) return;
      write(next.bytes, slices);
      bytesSeen += next.bytes.length;
      if (direction === "out" && bytesSeen > cutAfter) {
        cut();
        return;
      }
      if (onto.writableNeedDrain) return;
    }
    from.resume();
  }

  /** @param {Buffer} bytes @param {boolean} slices */
  function write(bytes, slices) {
    let done = 0;
    if (slices) {
      for (; done < Math.min(SLICED, bytes.length); done++) {
        onto.write(bytes.subarray(done, done + 1));
      }
    }
    if (done < bytes.length) onto.write(bytes.subarray(done));
  }

  return { from, flow };
}
