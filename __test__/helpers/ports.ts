import { createServer, type Server } from "node:net";

/**
 * A TCP port that is free now and stays so: it lies below those that systems give to outgoing
 * connections, one of which could otherwise take it while a hub restarts.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 15_000);
    const server = createServer();
    if (await listens(server, port)) {
      await new Promise((resolve) => server.close(resolve));
      return port;
    }
  }
}

function listens(server: Server, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    // All addresses, so that it is free on those a hub listens at.
    server.listen(port, () => resolve(true));
  });
}
