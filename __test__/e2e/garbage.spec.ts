// Peers that do not speak the protocol, or stop in the middle of it, at a hub with traffic.
// Promises 2 (the deadline of the handshake), 7 (a typed reason at the hub, a refusal for the peer,
// other links untouched), 4 (failed attempts are told at the hub).

import { randomBytes } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { eventually } from "../helpers/eventually.js";
import { type FixtureEvent, type FixtureProcess, useProcesses } from "../helpers/processes.js";
import { frame, hello, PREAMBLE, RawPeer } from "../helpers/raw-peer.js";

const processes = useProcesses();
/** Resolving, connecting and shaking hands have so many milliseconds together. */
const DEADLINE = 5_000;
/** Of the first bytes of who connects. */
const PREAMBLE_DEADLINE = 1_000;

/** A hub and two clients with requests and reports between them until `untouched` is called. */
async function busyHub() {
  const hub = await processes.start("hub");
  const provider = await processes.start("client", { port: hub.port, label: "provider" });
  await provider.ask("provide", { name: "meter" });
  const user = await processes.start("client", { port: hub.port, label: "user" });
  await user.ask("waitFor", { name: "meter", timeout: 5 });
  await user.ask("tally", { target: "meter" });
  await provider.event("subscribed");
  await provider.ask("publishOn", { name: "meter", subjects: ["n"], from: 0 });
  let enough = false;
  const calling = (async () => {
    let rounds = 0;
    for (; !enough || rounds === 0; rounds++) {
      const fields = { service: "meter", method: "shuffled", times: 50 };
      const answered = { outcomes: { answered: 50 }, mismatched: 0 };
      expect(await user.ask("callAll", fields)).toMatchObject(answered);
    }
    return rounds;
  })();
  calling.catch(() => {}); // seen by `untouched`
  return {
    hub,
    /** All of it went well, and no link was lost but that of `except`. */
    async untouched(except?: string): Promise<void> {
      enough = true;
      await calling;
      const last = await provider.ask("stop");
      expect(await user.ask("tallyReached", { last })).toMatchObject({
        ...{ count: last, first: 1, gaps: 0, disordered: 0, missed: 0 },
      });
      const unexpected = ({ peer }: FixtureEvent) => (peer as { label: string }).label !== except;
      for (const process of [hub, provider, user]) {
        expect(process.told("inactive", unexpected)).toEqual([]);
      }
    },
  };
}

function failed(hub: FixtureProcess, code: string, patience?: number): Promise<unknown> {
  const fits = ({ reason }: FixtureEvent) => (reason as { code: string }).code === code;
  return hub.event("attemptFailed", fits, patience);
}

const header = (kind: number, length: number) => {
  const bytes = frame(kind, Buffer.alloc(0));
  bytes.writeUInt32LE(length, 4);
  return bytes;
};

describe("a hub with traffic", () => {
  it.each([
    ["an HTTP request", "protocol", 32, Buffer.from("GET / HTTP/1.1\r\nHost: hub\r\n\r\n")],
    ["random bytes", "protocol", 32, Buffer.concat([Buffer.from("x"), randomBytes(4096)])],
    ["zeros", "protocol", 32, Buffer.alloc(100_000)],
    ["another version", "version", 33, Buffer.from("netsvc\x00\x63and whatever it says then")],
    ["an oversized frame", "protocol", 32, Buffer.concat([PREAMBLE, header(0x01, 0x7fff_ffff)])],
    ["an unknown kind", "protocol", 32, Buffer.concat([PREAMBLE, header(0xee, 4)])],
    ["a frame before the greeting", "protocol", 32, Buffer.concat([PREAMBLE, header(0x08, 0)])],
  ])("refuses %s with `%s`, and nobody else notices (7)", async (_, code, number, bytes) => {
    const { hub, untouched } = await busyHub();
    using peer = new RawPeer(hub.port, bytes);
    expect(await peer.message("refuse")).toMatchObject({ code: number });
    await peer.end();
    await failed(hub, code);
    await untouched();
  });

  it.each([
    ["nothing", Buffer.alloc(0)],
    ["half a preamble", PREAMBLE.subarray(0, 5)],
    ["half a greeting", hello().subarray(0, 40)],
  ])("hears of a peer that sends %s and leaves (4, 7)", async (_, bytes) => {
    const { hub, untouched } = await busyHub();
    using peer = new RawPeer(hub.port, bytes);
    await eventually(() => peer.socket.readyState === "open");
    peer.socket.end();
    await peer.end();
    await failed(hub, "connection-lost");
    await untouched();
  });

  it.each([
    ["garbage", randomBytes(4096).fill(0xff, 0, 8)],
    ["an oversized frame", header(0x50, 0x7fff_ffff)],
    ["a second greeting", hello().subarray(8)],
    ["a service it did not introduce the process of", frame(0x23, Buffer.alloc(3))],
  ])(
    "ends the link of a client that sends %s, with a reason at both ends (7)",
    async (_, bytes) => {
      const { hub, untouched } = await busyHub();
      using peer = new RawPeer(hub.port);
      await peer.join();
      await hub.event("active", ({ peer }) => (peer as { label: string }).label === "raw");
      peer.socket.write(bytes);
      expect(await peer.message("goodbye")).toMatchObject({ code: 32 });
      await peer.end();
      expect(await hub.event("inactive")).toMatchObject({
        peer: { label: "raw" },
        reason: { code: "protocol" },
      });
      await untouched("raw");
    },
  );
});

describe("a peer that says nothing", () => {
  const servers: Server[] = [];
  const sockets: Socket[] = [];
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const server of servers.splice(0)) server.close();
  });

  /** Accepts, and that is all. */
  async function silentAcceptor(): Promise<number> {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.resume();
      sockets.push(socket);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return address.port;
  }

  it("is dropped after 5 s as acceptor, 1 s as connector; the acceptor is tried again (2)", async () => {
    const port = await silentAcceptor();
    const { hub, untouched } = await busyHub();
    const began = performance.now();
    using mute = new RawPeer(hub.port);
    const client = await processes.start("client", { port });
    const dropped = async (what: string, deadline: number, event: Promise<unknown>) => {
      expect(await event).toMatchObject({ reason: { code: "connect-timeout" } });
      const milliseconds = performance.now() - began;
      console.log(`silent ${what}: dropped after ${milliseconds.toFixed(0)} ms`);
      expect(milliseconds).toBeGreaterThanOrEqual(deadline - 50);
      expect(milliseconds).toBeLessThan(deadline + 25_000);
    };
    await Promise.all([
      dropped(
        "acceptor",
        DEADLINE,
        client.event("attemptFailed", () => true, 2 * DEADLINE),
      ),
      dropped("connector", PREAMBLE_DEADLINE, failed(hub, "connect-timeout", 2 * DEADLINE)),
    ]);
    await mute.end();
    await eventually(() => sockets.length >= 2);
    await untouched();
  });
});
