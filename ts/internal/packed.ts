// Strings and services as the border packs them: u16 lengths, little-endian.

import type { ServiceInfo } from "../service-info.js";

const FLAG_LOCAL = 1;
/** Hexadecimal digits of a process id. */
const ID_DIGITS = 32;

/** Reads packed fields one after the other. */
export class PackedReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
  }

  /** One string. */
  text(): string {
    const length = this.#u16();
    this.#at += length;
    return this.#bytes.toString("utf8", this.#at - length, this.#at);
  }

  /** All strings up to the end. */
  texts(): string[] {
    const texts: string[] = [];
    while (this.#at < this.#bytes.length) texts.push(this.text());
    return texts;
  }

  /** One service. */
  service(): ServiceInfo {
    this.#at += 4; // its number, which only native calls use
    const counter = this.#bytes.readUInt32LE(this.#at);
    const local = ((this.#bytes[this.#at + 4] ?? 0) & FLAG_LOCAL) !== 0;
    this.#at += 5 + ID_DIGITS;
    const process = this.#bytes.toString("latin1", this.#at - ID_DIGITS, this.#at);
    const name = this.text();
    const audience = this.text();
    const label = this.text();
    const exchangeGroup = this.text();
    return {
      name,
      identity: `${process}.${counter}`,
      audience,
      groups: this.#list(),
      methods: this.#list(),
      process,
      label,
      local,
      exchangeGroup: local ? undefined : exchangeGroup,
    };
  }

  /** A list of services: a u32 count, then as many. */
  services(): ServiceInfo[] {
    let count = this.#bytes.readUInt32LE(this.#at);
    this.#at += 4;
    const services: ServiceInfo[] = [];
    for (; count > 0; count--) services.push(this.service());
    return services;
  }

  #list(): string[] {
    const count = this.#u16();
    const list: string[] = [];
    for (let index = 0; index < count; index++) list.push(this.text());
    return list;
  }

  #u16(): number {
    const value = this.#bytes.readUInt16LE(this.#at);
    this.#at += 2;
    return value;
  }
}
