// The examples of a Markdown text, marked by comments that a reader does not see:
//
//   <!-- example: hub.ts, run -->   the code block below is the file hub.ts; `run`: it is a program
//   <!-- output: hub.ts -->         the text block below is what that program prints
//
// Without `run`, a file is there to be imported. A file without the `.ts` is left as it is.

/**
 * @typedef {object} Example
 * @property {string} name file name
 * @property {string} code
 * @property {boolean} run whether it is a program
 * @property {string[]} output lines that it must print, in this order; `…` stands for any text
 */

/**
 * Finds the marked examples; throws an `Error` that names the line of a marker that is wrong.
 * @param {string} markdown
 * @returns {Example[]}
 */
export function examplesIn(markdown) {
  const lines = markdown.split(/\r?\n/);
  /** @type {Map<string, Example>} */
  const examples = new Map();
  lines.forEach((line, index) => {
    const marker = /^\s*<!--\s*(example|output):(.*?)-->\s*$/.exec(line);
    if (marker === null) return;
    const [, kind = "", text = ""] = marker;
    const [name = "", ...flags] = text.split(",").map((word) => word.trim());
    if (!/^[\w-][\w.-]*$/.test(name)) throw wrong(index, "names no file");
    const block = blockAfter(lines, index);
    const known = examples.get(name);
    if (kind === "example") {
      if (known !== undefined) throw wrong(index, `is the second one for ${name}`);
      if (flags.some((flag) => flag !== "run")) throw wrong(index, "has an unknown word");
      const code = `${block.join("\n")}\n`;
      examples.set(name, { name, code, run: flags.includes("run"), output: [] });
    } else {
      if (known?.run !== true) throw wrong(index, `follows no example "${name}, run"`);
      known.output.push(...block.filter((expected) => expected.trim() !== ""));
    }
  });
  return [...examples.values()];
}

/**
 * The first of the expected lines that is not in `printed` after those before it; undefined if all
 * are there. Other lines may stand between them.
 * @param {readonly string[]} expected
 * @param {string} printed
 */
export function missingLine(expected, printed) {
  const lines = printed.split(/\r?\n/).map((line) => line.trim());
  let next = 0;
  return expected.find((line) => {
    const pattern = linePattern(line.trim());
    while (next < lines.length) {
      if (pattern.test(lines[next++] ?? "")) return false;
    }
    return true;
  });
}

/** @param {string} line */
function linePattern(line) {
  const parts = line.split("…").map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`);
}

/**
 * The lines of the fenced block that follows the marker, with nothing but empty lines between.
 * @param {readonly string[]} lines
 * @param {number} marker
 */
function blockAfter(lines, marker) {
  let start = marker + 1;
  while (lines[start]?.trim() === "") start += 1;
  const fence = /^(`{3,}|~{3,})/.exec(lines[start] ?? "")?.[1];
  if (fence === undefined) throw wrong(marker, "is not followed by a code block");
  const end = lines.findIndex((line, index) => index > start && line.trim() === fence);
  if (end === -1) throw wrong(marker, "is followed by a code block without an end");
  return lines.slice(start + 1, end);
}

/**
 * @param {number} index
 * @param {string} what
 */
function wrong(index, what) {
  return new Error(`line ${index + 1}: the marker ${what}`);
}
