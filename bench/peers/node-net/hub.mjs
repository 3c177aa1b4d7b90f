import { rmSync } from "node:fs";
import { createServer } from "node:net";
import { corked, framesOf } from "./frames.mjs";
import { createHub } from "./routing.mjs";

/** @param {{ port: number, host: string } | { path: string }} address */
export async function listen(address) {
  const hub = createHub();
  // Of a hub that was killed.
  if ("path" in address) rmSync(address.path, { force: true });
  const server = createServer({ noDelay: true }, (socket) => {
    const { take, leave } = hub.join(corked(socket));
    socket.on("data", framesOf(take));
    socket.on("error", () => {}); // "close" follows
    socket.on("close", leave);
  });
  await new Promise((resolve) => server.listen(address, () => resolve(undefined)));
}
