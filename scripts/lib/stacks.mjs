// Samples of stacks as `perf script -F comm,pid,tid,ip,sym,dso` prints them, put together to trees.

/**
 * A function under its callers.
 * @typedef {object} Frame
 * @property {string} name
 * @property {Kind} kind
 * @property {number} samples taken in it and in what it called
 * @property {Map<string, Frame>} children by name
 */

/**
 * Where a function is: JavaScript, the addon, the kernel, or whatever else (Node, the C library).
 * @typedef {"js" | "addon" | "kernel" | "other"} Kind
 */

/**
 * The samples of each process, by its id. Below the root is a frame for each thread.
 * @param {string} script what perf has printed
 * @param {string} [folder] taken off the paths of JavaScript files
 * @returns {Map<number, Frame>}
 */
export function readStacks(script, folder = "") {
  /** @type {Map<number, Frame>} */
  const processes = new Map();
  for (const sample of script.split(/\n\n+/)) {
    const [head = "", ...lines] = sample.split("\n").filter((line) => line.trim() !== "");
    const [, thread, pid] = /^(.*?)\s+(\d+)\/\d+\s*$/.exec(head) ?? [];
    if (thread === undefined || pid === undefined) continue;
    const root = processes.get(Number(pid)) ?? frameOf("all", "other");
    processes.set(Number(pid), root);
    root.samples += 1;
    let at = child(root, thread.trim(), "other");
    // perf prints the innermost frame first.
    for (const line of lines.reverse()) {
      const [, symbol = "", object = ""] = /^\s*[0-9a-f]+ (.*) \(([^()]*)\)$/.exec(line) ?? [];
      // Nothing above an address that belongs to nobody can be relied on, nor told.
      if (symbol === "" || (symbol === "[unknown]" && object === "[unknown]")) continue;
      const kind = kindOf(object);
      at = child(at, nameOf(symbol, kind, folder), kind);
    }
  }
  return processes;
}

/**
 * Stacks in the form that other tools read: `caller;callee 12`, samples that ended there.
 * @param {Frame} root
 * @returns {string[]}
 */
export function folded(root) {
  /** @type {string[]} */
  const lines = [];
  /**
   * @param {Frame} frame
   * @param {readonly string[]} above
   */
  const visit = (frame, above) => {
    const path = [...above, frame.name.replaceAll(";", ":")];
    const own = ownSamples(frame);
    if (own > 0) lines.push(`${path.join(";")} ${own}`);
    for (const next of frame.children.values()) visit(next, path);
  };
  for (const thread of root.children.values()) visit(thread, []);
  return lines;
}

/**
 * Functions by the samples taken in themselves, wherever they were called, the most first.
 * @param {Frame} root
 */
export function hottest(root) {
  /** @type {Map<string, { name: string, kind: Kind, samples: number }>} */
  const functions = new Map();
  /** @param {Frame} frame */
  const visit = (frame) => {
    const { name, kind } = frame;
    const entry = functions.get(name) ?? { name, kind, samples: 0 };
    functions.set(name, entry);
    entry.samples += ownSamples(frame);
    for (const next of frame.children.values()) visit(next);
  };
  visit(root);
  return [...functions.values()].sort((a, b) => b.samples - a.samples);
}

/** @param {Frame} frame */
function ownSamples({ samples, children }) {
  return [...children.values()].reduce((own, next) => own - next.samples, samples);
}

/**
 * @param {Frame} parent
 * @param {string} name
 * @param {Kind} kind
 */
function child(parent, name, kind) {
  const frame = parent.children.get(name) ?? frameOf(name, kind);
  parent.children.set(name, frame);
  frame.samples += 1;
  return frame;
}

/**
 * @param {string} name
 * @param {Kind} kind
 * @returns {Frame}
 */
function frameOf(name, kind) {
  return { name, kind, samples: 0, children: new Map() };
}

/**
 * @param {string} object
 * @returns {Kind}
 */
function kindOf(object) {
  if (/\/perf-\d+\.map$/.test(object)) return "js";
  if (object.endsWith(".node")) return "addon";
  return object.startsWith("[kernel") || object.endsWith(".ko") ? "kernel" : "other";
}

/**
 * @param {string} symbol
 * @param {Kind} kind
 * @param {string} folder
 */
function nameOf(symbol, kind, folder) {
  if (kind === "js") return scriptName(symbol, folder);
  // Of Rust's paths, the modules before a type say nothing that its name does not.
  return kind === "addon" ? symbol.replace(/\b(?:[a-z_][a-z_0-9]*::)+(?=[A-Z<])/g, "") : symbol;
}

/**
 * V8 names a function `JS:*name file:///folder/file.js:line:column`, the mark being that of the
 * compiler: `*` and `+` optimised, `^` baseline, `~` interpreted. The last two are kept.
 * @param {string} symbol
 * @param {string} folder
 */
function scriptName(symbol, folder) {
  const [, tier = "", name, file] =
    /^(?:JS|Script|Eval|Function|LazyCompile):([*+^~]?)(\S*) (.*?)(?::\d+)?$/.exec(symbol) ?? [];
  if (file === undefined) return symbol;
  const place = file.replace(/^file:\/\//, "").replace(folder, "");
  const slow = tier === "^" || tier === "~" ? tier : "";
  return `${slow}${name || "(anonymous)"} ${place}`;
}
