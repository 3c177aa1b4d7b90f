// The vectors that the Rust codec is tested with, read by a decoder that shares no code with it.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { processOf } from "../helpers/raw-peer.js";
import { WireError } from "./body.js";
import { Decoder, type Message } from "./decoder.js";

type Greeting = { process: string; secret: string };

type Vector = {
  name: string;
  maxPayload: number;
  bytes: [hex: string, meaning: string][];
  messages: Message[];
  error?: string;
};

function vectors(file: string): Vector[] {
  const url = new URL(`../../crates/netsvc-core/tests/vectors/${file}`, import.meta.url);
  const vectors: Vector[] = JSON.parse(readFileSync(url, "utf8")).vectors;
  if (vectors.length === 0) throw new Error(`${file} is empty`);
  return vectors;
}

/** What a stream that arrives in pieces of `size` bytes holds, and how it ends. */
function decode(vector: Vector, size: number): { messages: Message[]; end: string | number } {
  const bytes = Buffer.from(vector.bytes.map(([hex]) => hex).join(""), "hex");
  const decoder = new Decoder(vector.maxPayload);
  const messages: Message[] = [];
  try {
    for (let at = 0; at < bytes.length; at += size)
      for (const message of decoder.push(bytes.subarray(at, at + size))) messages.push(message);
  } catch (error) {
    if (error instanceof WireError) return { messages, end: error.code };
    throw error;
  }
  return { messages, end: decoder.pending };
}

it("the process of a greeting is the hash of its secret, as docs/protocol.md says", () => {
  const greetings = vectors("valid.json").flatMap(({ messages }) => messages);
  const hellos = greetings.filter(({ type }) => type === "hello") as unknown as Greeting[];
  expect(hellos.length).toBeGreaterThan(0);
  for (const { process, secret } of hellos) expect(process).toBe(processOf(secret));
});

describe.each([
  ["at once", Number.POSITIVE_INFINITY],
  ["byte by byte", 1],
])("streams that arrive %s", (_, size) => {
  it.each(vectors("valid.json"))("hold their messages: $name", (vector) => {
    expect(decode(vector, size)).toEqual({ messages: vector.messages, end: 0 });
  });

  it.each(vectors("invalid.json"))("end in their error: $name", (vector) => {
    expect(decode(vector, size)).toEqual({ messages: vector.messages, end: vector.error });
  });
});
