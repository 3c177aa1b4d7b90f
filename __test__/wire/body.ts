// Reads the fields of frames for the decoder.

/** The stream breaks the protocol; `code` is the name of docs/protocol.md. */
export class WireError extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** Reads the fields of a body, one after the other. */
export class Body {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(length: number): Uint8Array {
    if (length > this.left) throw new WireError("Truncated");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return view(this.take(1)).getUint8(0);
  }

  flag(): boolean {
    const value = this.u8();
    if (value > 1) throw new WireError("Value");
    return value === 1;
  }

  u16(): number {
    return view(this.take(2)).getUint16(0, true);
  }

  u32(): number {
    return view(this.take(4)).getUint32(0, true);
  }

  u64(): string {
    return view(this.take(8)).getBigUint64(0, true).toString();
  }

  hex(length: number): string {
    return hex(this.take(length));
  }

  rest(): string {
    return hex(this.take(this.left));
  }

  text(limit: number): string {
    const length = this.u16();
    if (length > limit) throw new WireError("StringTooLong");
    return utf8(this.take(length));
  }

  texts(most: number, limit: number): string[] {
    const count = this.u16();
    if (count > most) throw new WireError("TooMany");
    return Array.from({ length: count }, () => this.text(limit));
  }

  reserved(length: number): void {
    if (this.take(length).some((byte) => byte !== 0)) throw new WireError("Value");
  }

  end(): void {
    if (this.left > 0) throw new WireError("Trailing");
  }
}

export function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new WireError("Utf8");
  }
}

export function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

export function concat(pieces: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(pieces));
}
