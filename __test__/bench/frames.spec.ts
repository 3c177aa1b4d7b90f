import fc from "fast-check";
import { expect, test } from "vitest";
import {
  contentOf,
  frameOf,
  framesOf,
  nameOf,
  PUBLISH,
} from "../../bench/peers/node-net/frames.mjs";
import { readsOf, u32 } from "../../bench/peers/node-net2/wire.mjs";

/** Contents, and where the stream of their frames is cut. */
const streams = fc.record({
  contents: fc.array(fc.uint8Array({ maxLength: 700 }), { minLength: 1, maxLength: 8 }),
  cuts: fc.array(fc.nat(6000), { maxLength: 12 }),
});

function chunksOf(contents: Uint8Array[], cuts: number[]): Buffer[] {
  const stream = Buffer.concat(contents.map((content) => frameOf(PUBLISH, 1, 2, "name", content)));
  const places = [0, ...cuts.filter((cut) => cut < stream.length), stream.length];
  places.sort((a, b) => a - b);
  return places
    .slice(1)
    .map((end, index) => Buffer.from(stream.subarray(places[index], end)))
    .filter(({ length }) => length > 0);
}

test("node-net finds the frames of a stream wherever reads cut it", () => {
  fc.assert(
    fc.property(streams, ({ contents, cuts }) => {
      const found: Uint8Array[] = [];
      const read = framesOf((frame) => {
        expect(nameOf(frame)).toBe("name");
        found.push(Uint8Array.from(contentOf(frame)));
      });
      for (const chunk of chunksOf(contents, cuts)) read(chunk);
      expect(found).toEqual(contents);
    }),
  );
});

test("node-net2 finds them too, as runs and as parts", () => {
  fc.assert(
    fc.property(streams, fc.boolean(), ({ contents, cuts }, takesParts) => {
      const found: Uint8Array[] = [];
      const take = (bytes: Buffer, start: number, end: number) => {
        for (let at = start; at < end; at += 4 + u32(bytes, at)) {
          found.push(Uint8Array.from(contentOf(bytes.subarray(at, at + 4 + u32(bytes, at)))));
        }
      };
      const takeParts = (parts: readonly Buffer[]) => {
        const whole = Buffer.concat(parts);
        take(whole, 0, whole.length);
      };
      const read = takesParts ? readsOf(take, takeParts) : readsOf(take);
      for (const chunk of chunksOf(contents, cuts)) read(chunk);
      expect(found).toEqual(contents);
    }),
  );
});
