import { connect } from "node:net";
import { corked, framesOf } from "./frames.mjs";

/**
 * @param {{ port: number, host: string } | { path: string }} address
 * @returns {import("./client.mjs").Open}
 */
export const opener =
  (address) =>
  ({ connected, take, closed }) => {
    const socket = connect({ ...address, noDelay: true });
    socket.on("connect", () => connected(corked(socket)));
    socket.on("data", framesOf(take));
    socket.on("error", () => {}); // "close" follows
    socket.on("close", closed);
  };
