import { connect } from "node:net";
import { corked, framesOf } from "./frames.mjs";

/**
 * @param {number} port
 * @returns {import("./client.mjs").Open}
 */
export const opener =
  (port) =>
  ({ connected, take, closed }) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    socket.on("connect", () => connected(corked(socket)));
    socket.on("data", framesOf(take));
    socket.on("error", () => {}); // "close" follows
    socket.on("close", closed);
  };
