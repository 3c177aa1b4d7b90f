// Strings and services as the border packs them: u16 lengths, little-endian.

import type { ServiceInfo } from "../service-info.js";
import { SERVICE_FLAG_LOCAL } from "./numbers.js";

/** Hexadecimal digits of a process id. */
const ID_DIGITS = 32;

/**
 * What services have in common: those of one process, with the same groups and methods. Name and
 * identity are empty.
 */
export type CommonInfo = ServiceInfo;

/** Reads packed fields one after the other. */
export class PackedReader {
  readonly #bytes: Buffer;
  #at = 0;
  #end: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
    this.#end = bytes.byteLength;
  }

  /**
   * Goes to `offset`; `end`: where to stop. Throws TypeError if the memory was transferred away.
   */
  at(offset: number, end: number = this.#bytes.length): this {
    if (end > this.#bytes.length) throw transferred();
    this.#at = offset;
    this.#end = end;
    return this;
  }

  /** One string. */
  text(): string {
    const at = this.#at + 2;
    this.#at = at + this.#u16();
    return this.#bytes.toString("utf8", at, this.#at);
  }

  /** All strings up to the end. */
  texts(): string[] {
    const texts: string[] = [];
    while (this.#at < this.#end) texts.push(this.text());
    return texts;
  }

  /** Everything up to the end as one string. */
  rest(): string {
    return this.#bytes.toString("utf8", this.#at, this.#end);
  }

  /** What services have in common. */
  common(): CommonInfo {
    const local = ((this.#bytes[this.#at] ?? 0) & SERVICE_FLAG_LOCAL) !== 0;
    this.#at += 1 + ID_DIGITS;
    const process = this.#bytes.toString("latin1", this.#at - ID_DIGITS, this.#at);
    const audience = this.text();
    const label = this.text();
    const exchangeGroup = this.text();
    const groups = this.#list();
    const methods = this.#list();
    return {
      name: "",
      identity: "",
      audience,
      groups,
      methods,
      process,
      label,
      local,
      exchangeGroup: local ? undefined : exchangeGroup,
    };
  }

  /** A service with what it has in common with others; its name is `length` bytes at `offset`. */
  service(common: CommonInfo, counter: number, offset: number, length: number): ServiceInfo {
    const end = offset + length;
    if (end > this.#bytes.length) throw transferred();
    const name = this.#bytes.toString("utf8", offset, end);
    return { ...common, name, identity: `${common.process}.${counter}` };
  }

  /** A list of services: a u32 count, then as many, each with what it has in common. */
  services(): ServiceInfo[] {
    let count = this.#bytes.readUInt32LE(this.#at);
    this.#at += 4;
    const services: ServiceInfo[] = [];
    for (; count > 0; count--) services.push(this.#whole());
    return services;
  }

  #whole(): ServiceInfo {
    // It begins with its number, which only native calls use.
    const counter = this.#bytes.readUInt32LE(this.#at + 4);
    const name = this.#at + 10;
    const length = this.#u16(8);
    this.#at = name + length;
    return this.service(this.common(), counter, name, length);
  }

  #list(): readonly string[] {
    const count = this.#u16();
    this.#at += 2;
    const list: string[] = [];
    for (let index = 0; index < count; index++) list.push(this.text());
    return Object.freeze(list);
  }

  /** The number `offset` bytes further on. */
  #u16(offset = 0): number {
    const at = this.#at + offset;
    return (this.#bytes[at] ?? 0) | ((this.#bytes[at + 1] ?? 0) << 8);
  }
}

function transferred(): TypeError {
  return new TypeError("the memory of deliveries was transferred away");
}
