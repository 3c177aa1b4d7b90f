import { type AddressInfo, createServer } from "node:net";

/** Where the parts meet unless they are told otherwise. */
export const DEFAULT_PORT = 11111;

/** Why nobody can listen at this port of the loopback addresses now; undefined: one can. */
export async function obstacle(port: number): Promise<string | undefined> {
  for (const host of ["127.0.0.1", "::1"]) {
    try {
      await probe(port, host);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Where IPv6 is switched off, nobody can have its port.
      if (code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT") continue;
      if (code === "EADDRINUSE") return "is taken by another program";
      return code === "EACCES" ? "needs more rights than we have" : `cannot be used: ${code}`;
    }
  }
  return undefined;
}

/**
 * A port that was free a moment ago. The hub cannot leave the choice to the system (port 0): after
 * a restart it must be where the others look for it.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const port = await probe(0, "127.0.0.1");
    if ((await obstacle(port)) === undefined) return port;
  }
  throw new Error("no free port was found");
}

/** Listens for a moment; resolves with the port, rejects with what `listen` says. */
function probe(port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ port, host, exclusive: true }, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
