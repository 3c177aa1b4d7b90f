// Reads packed commands as the addon does.

/** One packed command. */
export interface FakeCommand {
  readonly name: string;
  readonly fields: Record<string, unknown>;
}

export class Commands implements Iterable<FakeCommand> {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(staging: Uint8Array, length: number) {
    // A copy: the staging buffer is written again.
    this.#bytes = Buffer.from(staging.subarray(0, length));
  }

  *[Symbol.iterator](): Generator<FakeCommand> {
    while (this.#at < this.#bytes.length) yield this.#command();
  }

  #command(): FakeCommand {
    const op = this.#u8();
    switch (op) {
      case 1: {
        const key = this.#u32();
        const timeoutMs = this.#u32();
        const parts = this.#u32();
        const wait = this.#u8() === 1;
        const targetKind = this.#u8();
        const kind = this.#u8();
        const methodLength = this.#u16();
        const targetLength = this.#u16();
        const contentLength = this.#u32();
        const method = this.#text(methodLength);
        const target = this.#text(targetLength);
        const content = this.#take(contentLength);
        return {
          name: "request",
          fields: { key, timeoutMs, targetKind, kind, method, target, content, parts, wait },
        };
      }
      case 3: {
        const low = this.#u32();
        const high = this.#u32();
        const status = this.#u8();
        const kind = this.#u8();
        const content = this.#take(this.#u32());
        return { name: "respond", fields: { low, high, status, kind, content } };
      }
      case 4: {
        const service = this.#u32();
        const kind = this.#u8();
        const subjectLength = this.#u16();
        const contentLength = this.#u32();
        const subject = this.#text(subjectLength);
        const content = this.#take(contentLength);
        return { name: "publish", fields: { service, subject, kind, content } };
      }
      case 5:
        return { name: "grant", fields: { subscription: this.#u32(), reports: this.#u32() } };
      case 6:
        return { name: "grantWatch", fields: { watch: this.#u32(), changes: this.#u32() } };
      case 7: {
        const low = this.#u32();
        const high = this.#u32();
        const kind = this.#u8();
        const content = this.#take(this.#u32());
        return { name: "part", fields: { low, high, kind, content } };
      }
      case 8:
        return { name: "grantParts", fields: { key: this.#u32(), parts: this.#u32() } };
      default:
        throw new Error(`unknown operation ${op} at ${this.#at - 1}`);
    }
  }

  #u8(): number {
    return this.#bytes.readUInt8(this.#at++);
  }

  #u16(): number {
    this.#at += 2;
    return this.#bytes.readUInt16LE(this.#at - 2);
  }

  #u32(): number {
    this.#at += 4;
    return this.#bytes.readUInt32LE(this.#at - 4);
  }

  #text(length: number): string {
    return this.#take(length).toString();
  }

  #take(length: number): Buffer {
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new Error("cut short");
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
