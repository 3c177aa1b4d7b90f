// Extension fields of a message as the border carries them: encoded, right behind the content.
// Their length is in the word of the content's type, above its lowest byte.

import { view } from "./memory.js";

/** The content type, or the code of an error, in such a word. */
export const KIND = 0xff;

/** The extension fields that lie in `buffer` from `offset` on; `undefined`: there are none. */
export function extensionsBehind(
  word: number,
  buffer: ArrayBuffer,
  offset: number,
): Uint8Array | undefined {
  const length = word >>> 8;
  return length === 0 ? undefined : view(buffer, offset, length);
}
