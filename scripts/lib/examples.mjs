// The code blocks of a Markdown text, marked by comments that a reader does not see:
//
//   <!-- example: hub.ts, run -->    the code block below is the file hub.ts, a program; all with
//                                    `run` of one page are started together, on one port
//   <!-- example: a.ts, alone -->    a program that is started by itself, on a port of its own;
//     , beside relay.ts              together with __test__/docs/beside/relay.ts, which is no
//                                    part of the page
//     , sigterm                      it is sent SIGTERM when it has printed the first line
//   <!-- output: hub.ts -->          the text block below is what that program prints
//   <!-- not run: why -->            the code block below is not run, for this reason
//
// Without `run` or `alone`, a file is there to be imported, or read by a tool (tsconfig.json). A
// program whose output is not shown prints nothing, and ends by itself unless others of the page
// run with it.

/**
 * @typedef {object} Example
 * @property {string} name file name
 * @property {string} code
 * @property {"together" | "alone" | "no"} run whether it is a program, and with which others
 * @property {string | undefined} beside a program that is not shown and that it needs
 * @property {boolean} sigterm whether it is ended by SIGTERM after its first line, and has to end
 * @property {string[]} output lines that it must print, in this order; `…` stands for any text
 */

const MARKER = /^\s*<!--\s*(example|output|not run):(.*?)-->\s*$/;
/** What follows a file's name. */
const WORDS = /^(?:run|alone|sigterm|beside [\w-]+\.ts)$/;
/** What is shown, not run: output, pictures, and Markdown about Markdown. */
const SHOWN = new Set(["text", "md", "mermaid", ""]);

/**
 * Finds the marked examples; throws an `Error` that names the line of a marker that is wrong.
 * @param {string} markdown
 * @returns {Example[]}
 */
export function examplesIn(markdown) {
  const lines = markdown.split(/\r?\n/);
  /** @type {Map<string, Example>} */
  const examples = new Map();
  for (const { index, kind, text } of markersIn(lines)) {
    if (kind === "not run") {
      if (text.length < 10) throw wrong(index, "gives no reason");
      blockAfter(lines, index);
      continue;
    }
    const [name = "", ...words] = text.split(",").map((word) => word.trim());
    if (!/^[\w-][\w.-]*$/.test(name)) throw wrong(index, "names no file");
    const block = blockAfter(lines, index);
    const known = examples.get(name);
    if (kind === "example") {
      if (known !== undefined) throw wrong(index, `is the second one for ${name}`);
      if (words.some((word) => !WORDS.test(word))) throw wrong(index, "has an unknown word");
      examples.set(name, example(name, block, words));
    } else {
      if (known === undefined || known.run === "no")
        throw wrong(index, `follows no program ${name}`);
      known.output.push(...block.filter((expected) => expected.trim() !== ""));
    }
  }
  return [...examples.values()];
}

/**
 * Numbers of the lines where a code block begins that has no marker and should have one.
 * @param {string} markdown
 * @returns {number[]}
 */
export function unmarkedBlocks(markdown) {
  const lines = markdown.split(/\r?\n/);
  const marked = new Set(markersIn(lines).map(({ index }) => blockStart(lines, index)));
  const unmarked = [];
  for (let index = 0; index < lines.length; index++) {
    const [, fence, language = ""] = /^(`{3,}|~{3,})(\w*)/.exec(lines[index] ?? "") ?? [];
    if (fence === undefined) continue;
    if (!marked.has(index) && !SHOWN.has(language)) unmarked.push(index + 1);
    const end = lines.findIndex((line, after) => after > index && line.trim() === fence);
    if (end === -1) break;
    index = end;
  }
  return unmarked;
}

/**
 * @param {string} name
 * @param {readonly string[]} block
 * @param {readonly string[]} words
 * @returns {Example}
 */
function example(name, block, words) {
  const beside = words.find((word) => word.startsWith("beside "))?.slice("beside ".length);
  const alone = words.includes("alone") ? "alone" : "no";
  const run = words.includes("run") ? "together" : alone;
  const code = `${block.join("\n")}\n`;
  return { name, code, run, beside, sigterm: words.includes("sigterm"), output: [] };
}

/**
 * Those outside of code blocks, which may show some.
 * @param {readonly string[]} lines
 */
function markersIn(lines) {
  const markers = [];
  let fence = "";
  for (const [index, line] of lines.entries()) {
    const found = /^(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence !== "") {
      if (line.trim() === fence) fence = "";
      continue;
    }
    if (found !== undefined) fence = found;
    const [, kind, text = ""] = MARKER.exec(line) ?? [];
    if (kind !== undefined) markers.push({ index, kind, text: text.trim() });
  }
  return markers;
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
  const start = blockStart(lines, marker);
  const fence = /^(`{3,}|~{3,})/.exec(lines[start] ?? "")?.[1];
  if (fence === undefined) throw wrong(marker, "is not followed by a code block");
  const end = lines.findIndex((line, index) => index > start && line.trim() === fence);
  if (end === -1) throw wrong(marker, "is followed by a code block without an end");
  return lines.slice(start + 1, end);
}

/**
 * The next line that is not empty.
 * @param {readonly string[]} lines
 * @param {number} marker
 */
function blockStart(lines, marker) {
  let start = marker + 1;
  while (lines[start]?.trim() === "") start += 1;
  return start;
}

/**
 * @param {number} index
 * @param {string} what
 */
function wrong(index, what) {
  return new Error(`line ${index + 1}: the marker ${what}`);
}
