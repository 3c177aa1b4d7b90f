/**
 * Content of that many bytes; every message of a measurement has the same.
 * @param {number} bytes
 */
export function contentOf(bytes) {
  return Uint8Array.from({ length: bytes }, (_, index) => (index * 7 + 3) & 0xff);
}

/**
 * Makes a check of what arrives: the length of each, the first three byte by byte. It throws.
 * @param {number} bytes
 * @returns {(content: Uint8Array) => void}
 */
export function checkerOf(bytes) {
  const expected = contentOf(bytes);
  let left = 3;
  return (content) => {
    if (content.length !== bytes) throw new Error(`${content.length} bytes instead of ${bytes}`);
    if (left === 0) return;
    left -= 1;
    if (Buffer.compare(content, expected) !== 0) throw new Error("content is not what was sent");
  };
}
