// Passes bytes on between clients and a hub until told to cut them off: the network, when it fails.

import { createConnection, createServer, type Server, type Socket } from "node:net";
import { afterEach } from "vitest";

/** A port that leads to another one. */
export class Cutter {
  port = 0;
  /** Connections accepted so far. */
  accepted = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #open = true;

  constructor(to: number) {
    this.#server = createServer((near) => {
      this.accepted += 1;
      if (!this.#open) {
        near.destroy();
        return;
      }
      const far = createConnection({ host: "127.0.0.1", port: to });
      this.#join(near, far);
      this.#join(far, near);
    });
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    this.port = address.port;
    return this;
  }

  /** Ends all connections as a failing network does; later ones end at once until `mend`. */
  cut(): void {
    this.#open = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#open = true;
  }

  close(): void {
    this.cut();
    this.#server.close();
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on("error", () => {}); // "close" follows
    from.on("close", () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    from.pipe(to);
  }
}

/** Makes cutters, and closes them after each test. */
export function useCutters(): { cutter(to: number): Promise<Cutter> } {
  const cutters: Cutter[] = [];
  afterEach(() => {
    for (const cutter of cutters.splice(0)) cutter.close();
  });
  return {
    cutter(to) {
      const cutter = new Cutter(to);
      cutters.push(cutter);
      return cutter.listen();
    },
  };
}
