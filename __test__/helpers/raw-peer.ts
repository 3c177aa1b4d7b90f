// A peer made of nothing but a socket and the text of docs/protocol.md, to say what no exchange of
// netsvc would.

import { createHash } from "node:crypto";
import { createConnection, type Socket } from "node:net";
import { Decoder, type Message } from "../wire/decoder.js";
import { eventually, PATIENCE } from "./eventually.js";

/** The first 8 bytes of each direction. */
export const PREAMBLE: Buffer = Buffer.concat([Buffer.from("netsvc"), Buffer.from([0, 1])]);
const HELLO = 0x01;
const SYNCED = 0x08;

/** Fields of a HELLO; what is left out is that of a client of the default group. */
export interface HelloFields {
  /** 64 hexadecimal digits. */
  secret?: string;
  /** 32 hexadecimal digits; what is left out follows from the secret. */
  process?: string;
  token?: string;
  attempt?: number;
  role?: number;
  group?: string;
  /** Milliseconds of silence it announces. */
  heartbeat?: number;
}

/** A frame without extension fields. */
export function frame(kind: number, body: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(kind, 0);
  header.writeUInt32LE(body.length, 4);
  return Buffer.concat([header, body]);
}

/** The id of the process that knows a secret; both hexadecimal. */
export function processOf(secret: string): string {
  const hash = createHash("sha256").update("netsvc process id").update(secret, "hex");
  return hash.digest("hex").slice(0, 32);
}

/** A HELLO with the preamble before it. */
export function hello(fields: HelloFields = {}): Buffer {
  const { secret = "ab".repeat(32), process = processOf(secret) } = fields;
  const { token = "cd".repeat(16), attempt = 1 } = fields;
  const { role = 0, group = "", heartbeat = 60_000 } = fields;
  const numbers = Buffer.alloc(12);
  numbers.writeUInt32LE(attempt, 0);
  numbers.writeUInt32LE(heartbeat, 4);
  numbers.writeUInt32LE(1 << 20, 8);
  const body = Buffer.concat([
    Buffer.alloc(8), // features
    Buffer.from([role]),
    Buffer.from(process, "hex"),
    Buffer.from(token, "hex"),
    numbers,
    text(group),
    text("raw"),
    Buffer.from(secret, "hex"),
  ]);
  return Buffer.concat([PREAMBLE, frame(HELLO, body)]);
}

/** An empty snapshot. */
export const synced: Buffer = frame(SYNCED, Buffer.alloc(0));

function text(value: string): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16LE(Buffer.byteLength(value));
  return Buffer.concat([length, Buffer.from(value)]);
}

/** A connection whose other end is netsvc. */
export class RawPeer {
  readonly socket: Socket;
  /** What came, decoded. */
  readonly messages: Message[] = [];
  /** The connection has ended, in whatever way. */
  ended = false;
  readonly #decoder = new Decoder(1 << 20);

  constructor(port: number, first: Buffer = Buffer.alloc(0)) {
    this.socket = createConnection({ host: "127.0.0.1", port });
    this.socket.on("data", (bytes: Buffer) => {
      this.messages.push(...this.#decoder.push(bytes));
    });
    this.socket.on("error", () => {}); // a reset is an end like any other
    this.socket.on("close", () => {
      this.ended = true;
    });
    if (first.length > 0) this.socket.write(first);
  }

  /** The first message of that type. */
  async message(type: string, patience: number = PATIENCE): Promise<Message> {
    return eventually(() => this.messages.find((message) => message.type === type), patience);
  }

  /** Waits for the end of the connection. */
  async end(patience: number = PATIENCE): Promise<void> {
    await eventually(() => this.ended, patience);
  }

  /** Becomes a client like others, without services. */
  async join(fields: HelloFields = {}): Promise<void> {
    this.socket.write(hello(fields));
    await this.message("welcome");
    this.socket.write(synced);
    await this.message("synced");
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
