// Relocations in the compact form (RELR) are unknown to musl before 1.2.4, which loads a library
// that has them and leaves its pointers wrong. Writes them out in the long form.

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_NOTE = 4;
const DT_RELA = 7;
const DT_RELASZ = 8;
const DT_RELRSZ = 35;
const DT_RELR = 36;
const PAGE = 0x10000;

/** R_X86_64_RELATIVE and R_AARCH64_RELATIVE, by the machine of the header. */
const RELATIVE = new Map([
  [62, 8n],
  [183, 1027n],
]);

/**
 * @typedef {{ at: number, type: number, offset: number, address: number, size: number }} Segment
 */

/**
 * A shared object of 64 bits with the same meaning and no RELR; the same one if it has none.
 * @param {Buffer} file
 * @returns {Buffer}
 */
export function withoutRelr(file) {
  const segments = readSegments(file);
  const dynamic = readDynamic(file, segments);
  const packed = dynamic.get(DT_RELR);
  if (packed === undefined) return file;
  const relative = RELATIVE.get(file.readUInt16LE(18));
  const note = segments.find(({ type }) => type === PT_NOTE);
  const long = dynamic.get(DT_RELA);
  const [packedSize, longSize] = [dynamic.get(DT_RELRSZ), dynamic.get(DT_RELASZ)];
  if (!relative || !note || !long || !packedSize || !longSize)
    throw new Error("its relocations cannot be written out");

  const addresses = unpack(file, segments, packed.value, packedSize.value);
  const start = offsetOf(segments, long.value);
  const old = file.subarray(start, start + longSize.value);
  const added = Buffer.alloc(24 * addresses.length);
  for (const [index, address] of addresses.entries()) {
    added.writeBigUInt64LE(BigInt(address), 24 * index);
    added.writeBigUInt64LE(relative, 24 * index + 8);
    file.copy(added, 24 * index + 16, offsetOf(segments, address), offsetOf(segments, address) + 8);
  }
  // Behind everything else, in memory and in the file; a note gives up its place in the headers.
  const end = Math.max(file.length, ...segments.map(({ address, size }) => address + size));
  const place = Math.ceil(end / PAGE) * PAGE;
  const table = Buffer.concat([old, added]);
  const result = Buffer.concat([file, Buffer.alloc(place - file.length), table]);
  result.writeUInt32LE(PT_LOAD, note.at);
  result.writeUInt32LE(4, note.at + 4); // readable
  for (const [field, value] of [place, place, place, table.length, table.length, PAGE].entries())
    result.writeBigUInt64LE(BigInt(value), note.at + 8 + 8 * field);
  result.writeBigUInt64LE(BigInt(place), long.at + 8);
  result.writeBigUInt64LE(BigInt(table.length), longSize.at + 8);
  result.writeBigUInt64LE(0n, packedSize.at + 8);
  return result;
}

/** @param {Buffer} file */
function readSegments(file) {
  const start = Number(file.readBigUInt64LE(32));
  const [each, count] = [file.readUInt16LE(54), file.readUInt16LE(56)];
  return Array.from({ length: count }, (_, index) => {
    const at = start + each * index;
    const word = (/** @type {number} */ n) => Number(file.readBigUInt64LE(at + 8 * n));
    return { at, type: file.readUInt32LE(at), offset: word(1), address: word(2), size: word(5) };
  });
}

/**
 * @param {Buffer} file
 * @param {readonly Segment[]} segments
 * @returns {Map<number, { at: number, value: number }>}
 */
function readDynamic(file, segments) {
  const entries = new Map();
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  if (dynamic === undefined) return entries;
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16)
    entries.set(Number(file.readBigUInt64LE(at)), {
      at,
      value: Number(file.readBigUInt64LE(at + 8)),
    });
  return entries;
}

/**
 * Addresses of the pointers: an even entry is one, an odd one says for each of the next 63 words
 * whether it is one.
 * @param {Buffer} file
 * @param {readonly Segment[]} segments
 * @param {number} address
 * @param {number} size
 */
function unpack(file, segments, address, size) {
  const start = offsetOf(segments, address);
  const addresses = [];
  let next = 0;
  for (let at = start; at < start + size; at += 8) {
    const entry = file.readBigUInt64LE(at);
    if ((entry & 1n) === 0n) {
      addresses.push(Number(entry));
      next = Number(entry) + 8;
      continue;
    }
    for (let bit = 1n; bit < 64n; bit += 1n)
      if ((entry >> bit) & 1n) addresses.push(next + 8 * (Number(bit) - 1));
    next += 8 * 63;
  }
  return addresses;
}

/**
 * @param {readonly Segment[]} segments
 * @param {number} address
 */
function offsetOf(segments, address) {
  const holder = segments.find(
    (one) => one.type === PT_LOAD && address >= one.address && address < one.address + one.size,
  );
  if (holder === undefined) throw new Error(`address ${address} is in no segment`);
  return address - holder.address + holder.offset;
}
