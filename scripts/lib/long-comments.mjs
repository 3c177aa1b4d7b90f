// Comments that are too wide for the screen they are read on.

export const MOST_COLUMNS = 100;

/**
 * The numbers of lines that are too long and hold a comment, in Rust, TypeScript or JavaScript.
 * @param {string} source
 * @returns {number[]}
 */
export function longComments(source) {
  /** @type {number[]} */
  const found = [];
  let isWithin = false;
  source.split("\n").forEach((line, index) => {
    const text = line.trimStart();
    const opens = text.startsWith("/*");
    const isComment = isWithin || opens || text.startsWith("//") || endsInComment(text);
    if (isComment && [...line].length > MOST_COLUMNS) found.push(index + 1);
    if (opens || isWithin) isWithin = !line.includes("*/");
  });
  return found;
}

/**
 * Whether a comment follows code. (Two slashes in a string stand behind an odd number of quotes.)
 * @param {string} text
 */
function endsInComment(text) {
  const at = text.search(/\s(?:\/\/|\/\*)(?:\s|$)/);
  return at >= 0 && [...text.slice(0, at).matchAll(/["'`]/g)].length % 2 === 0;
}
