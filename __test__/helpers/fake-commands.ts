// Reads packed commands as the addon does.

import { endianness } from "node:os";

/** One packed command. */
export interface FakeCommand {
  readonly name: string;
  readonly fields: Record<string, unknown>;
}

/** Reads one command buffer after the other; knows the strings that were told by slot. */
export class CommandReader {
  readonly #texts: string[] = [];
  #bytes = Buffer.alloc(0);
  #at = 0;

  /** The commands of a buffer; definitions of strings are no commands. */
  *read(buffer: Uint8Array, length: number): Generator<FakeCommand> {
    // A copy: the buffer is written again.
    this.#bytes = Buffer.from(buffer.subarray(0, length));
    this.#at = 0;
    while (this.#at < this.#bytes.length) {
      const command = this.#command();
      if (command !== undefined) yield command;
    }
  }

  #command(): FakeCommand | undefined {
    const first = this.#word();
    const [op, kind, extra] = [first & 0xff, (first >>> 8) & 0xff, (first >>> 16) & 0xff];
    const extended = first >>> 24 === 1;
    switch (op) {
      case 1: {
        const [key, timeoutMs, parts] = [this.#word(), this.#word(), this.#word()];
        const [target, method] = [this.#string(), this.#string()];
        const content = this.#content();
        const [wait, targetKind] = [(extra & 1) === 1, (extra >> 1) & 1];
        const prefer = extra >> 3 === 1 && { prefer: "any" };
        const fields = { key, timeoutMs, targetKind, kind, method, target, content, parts, wait };
        return { name: "request", fields: { ...fields, ...prefer, ...this.#extensions(extended) } };
      }
      case 2: {
        const slot = this.#word();
        if (slot > this.#texts.length || slot >= 4096) throw new Error(`slot ${slot}`);
        this.#texts[slot] = this.#content().toString();
        return undefined;
      }
      case 3: {
        const [low, high] = [this.#word(), this.#word()];
        const fields = { low, high, status: extra, kind, content: this.#content() };
        return { name: "respond", fields: { ...fields, ...this.#extensions(extended) } };
      }
      case 4: {
        const [service, subject] = [this.#word(), this.#string()];
        const fields = { service, subject, kind, content: this.#content() };
        return { name: "publish", fields: { ...fields, ...this.#extensions(extended) } };
      }
      case 9: {
        const service = this.#word();
        const length = this.#word();
        const contentLength = this.#word();
        const subject = this.#padded(length).toString();
        const fields = { service, subject, kind, content: this.#padded(contentLength) };
        return { name: "publish", fields: { ...fields, ...this.#extensions(extended) } };
      }
      case 5:
        return { name: "grant", fields: { subscription: this.#word(), reports: this.#word() } };
      case 6:
        return { name: "grantWatch", fields: { watch: this.#word(), changes: this.#word() } };
      case 7: {
        const [low, high] = [this.#word(), this.#word()];
        return { name: "part", fields: { low, high, kind, content: this.#content() } };
      }
      case 8:
        return { name: "grantParts", fields: { key: this.#word(), parts: this.#word() } };
      default:
        throw new Error(`unknown operation ${op} at ${this.#at - 4}`);
    }
  }

  #word(): number {
    return endianness() === "LE" ? this.#take(4).readUInt32LE() : this.#take(4).readUInt32BE();
  }

  #string(): string {
    const slot = this.#word();
    const text = this.#texts[slot];
    if (text === undefined) throw new Error(`slot ${slot} is not defined`);
    return text;
  }

  /** Extension fields, if there are some. */
  #extensions(extended: boolean): { extensions?: Buffer } {
    return extended ? { extensions: this.#content() } : {};
  }

  /** A content, and what fills up its last word. */
  #content(): Buffer {
    return this.#padded(this.#word());
  }

  #padded(length: number): Buffer {
    return this.#take((length + 3) & ~3).subarray(0, length);
  }

  #take(length: number): Buffer {
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new Error("cut short");
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
