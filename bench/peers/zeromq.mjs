// ZeroMQ with its native proxies as the hub: less work than the others do, for there are no names
// of services; requests go to whatever responders are connected.

import { loadPackage } from "../lib/load.mjs";
import { missingOf, packageVersion } from "../lib/programs.mjs";

/** No bounds on queues. */
const UNBOUNDED = { sendHighWaterMark: 0, receiveHighWaterMark: 0 };

/**
 * What connects to the proxies, by port.
 * @param {import("../lib/types.js").Place} place
 */
function addresses({ ports }) {
  const [requests, responders, publishers, subscribers] = ports.map(
    (port) => `tcp://127.0.0.1:${port}`,
  );
  return { requests, responders, publishers, subscribers };
}

/** @param {boolean} [fast] */
const clientOptions = (fast) => ({ ...UNBOUNDED, ...(fast === true && { reconnectInterval: 10 }) });

/** What runs must not be collected as garbage. @type {unknown[]} */
const running = [];

/**
 * Sends one after the other, as the package demands.
 * @param {any} socket
 * @returns {(message: unknown) => void}
 */
function senderOf(socket) {
  /** @type {unknown[]} */
  let waiting = [];
  let isSending = false;
  const sendAll = async () => {
    isSending = true;
    while (waiting.length > 0) {
      const messages = waiting;
      waiting = [];
      for (const message of messages) await socket.send(message);
    }
    isSending = false;
  };
  return (message) => {
    waiting.push(message);
    if (!isSending) void sendAll();
  };
}

/** @type {import("../lib/types.js").Peer} */
const zeromq = {
  settings: ["high water marks 0 (unbounded)", "no names of services"],
  missing: async () => missingOf(undefined, "zeromq"),
  version: async () => packageVersion("zeromq"),

  async hub(place) {
    const zmq = await loadPackage("zeromq");
    const { requests, responders, publishers, subscribers } = addresses(place);
    const pairs = [
      [new zmq.Router(UNBOUNDED), requests, new zmq.Dealer(UNBOUNDED), responders],
      [new zmq.XSubscriber(UNBOUNDED), publishers, new zmq.XPublisher(UNBOUNDED), subscribers],
    ];
    for (const [front, frontAddress, back, backAddress] of pairs) {
      await front.bind(frontAddress);
      await back.bind(backAddress);
      const proxy = new zmq.Proxy(front, back);
      running.push(proxy);
      void proxy.run();
    }
  },
  async requester(place, { fast }) {
    const zmq = await loadPackage("zeromq");
    const socket = new zmq.Dealer(clientOptions(fast));
    socket.connect(addresses(place).requests);
    const send = senderOf(socket);
    /** @type {Map<number, (content: Uint8Array) => void>} */
    const pending = new Map();
    let lastId = 0;
    void (async () => {
      for await (const [id, content] of socket) {
        const number = id.readUInt32BE(0);
        pending.get(number)?.(content);
        pending.delete(number);
      }
    })();
    return {
      request: (content) =>
        new Promise((resolve) => {
          lastId = (lastId + 1) >>> 0;
          pending.set(lastId, resolve);
          const id = Buffer.allocUnsafe(4);
          id.writeUInt32BE(lastId);
          send([id, content]);
        }),
    };
  },
  async responder(place, { fast }) {
    const zmq = await loadPackage("zeromq");
    const socket = new zmq.Dealer(clientOptions(fast));
    socket.connect(addresses(place).responders);
    void (async () => {
      for await (const frames of socket) await socket.send(frames);
    })();
  },
  async publisher(place) {
    const zmq = await loadPackage("zeromq");
    const socket = new zmq.XPublisher(UNBOUNDED);
    socket.connect(addresses(place).publishers);
    // A publisher hears of subscriptions; before that it sends into the void.
    await socket.receive();
    const send = senderOf(socket);
    return { publish: (content) => send(["data", content]) };
  },
  async subscriber(place, take) {
    const zmq = await loadPackage("zeromq");
    const socket = new zmq.Subscriber({ receiveHighWaterMark: 0 });
    socket.connect(addresses(place).subscribers);
    socket.subscribe("data");
    void (async () => {
      for await (const [, content] of socket) take(content);
    })();
    return { missed: () => undefined };
  },
  async idle(place) {
    const zmq = await loadPackage("zeromq");
    const socket = new zmq.Dealer(UNBOUNDED);
    const connected = new Promise((resolve) => socket.events.on("handshake", resolve));
    socket.connect(addresses(place).requests);
    await connected;
  },
  idleProgram: (place) => `
    import { Dealer } from "${import.meta.resolve("zeromq")}";
    const socket = new Dealer({ sendHighWaterMark: 0, receiveHighWaterMark: 0 });
    const connected = new Promise((resolve) => socket.events.on("handshake", resolve));
    socket.connect("${addresses(place).requests}");
    await connected;`,
};

export const peers = { zeromq };
