// The hub and the client of node-net over WebSockets: a frame is a binary message.

import { createHub } from "../node-net/routing.mjs";

/**
 * Lets the socket below send in one go what is written within one turn.
 * @param {any} socket
 * @returns {(frame: Buffer) => void}
 */
function corked(socket) {
  const below = socket._socket;
  let isCorked = false;
  const uncork = () => {
    isCorked = false;
    below.uncork();
  };
  return (frame) => {
    if (socket.readyState !== socket.OPEN) return;
    if (!isCorked) {
      isCorked = true;
      below.cork();
      process.nextTick(uncork);
    }
    socket.send(frame);
  };
}

/**
 * @param {any} ws the package
 * @param {number} port
 */
export async function listen({ WebSocketServer }, port) {
  const hub = createHub();
  const server = new WebSocketServer({ port, host: "127.0.0.1" });
  server.on("connection", (/** @type {any} */ socket) => {
    const { take, leave } = hub.join(corked(socket));
    socket.on("message", take);
    socket.on("error", () => {}); // "close" follows
    socket.on("close", leave);
  });
  await new Promise((resolve) => server.on("listening", resolve));
}

/**
 * @param {any} ws the package
 * @param {number} port
 * @returns {import("../node-net/client.mjs").Open}
 */
export const opener =
  ({ WebSocket }, port) =>
  ({ connected, take, closed }) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`);
    socket.on("open", () => connected(corked(socket)));
    socket.on("message", take);
    socket.on("error", () => {}); // "close" follows
    socket.on("close", closed);
  };
