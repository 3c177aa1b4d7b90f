// A flame graph as an SVG file: callers below, what they called on top of them, as wide as they
// were often in samples. A browser shows the whole name under the pointer, and zooms to what is
// clicked.

/** @typedef {import("./stacks.mjs").Frame} Frame */

/** Pixels. */
const ROW = 17;
const HEAD = 44;

/** Frames that are less of the whole are left out: nobody can see them. */
const LEAST = 0.0005;

const STYLE = `
  svg { font: 12px system-ui, sans-serif; background: #fff }
  .title { font-weight: 600; font-size: 13px }
  .frame { cursor: pointer } .frame rect { width: 100%; height: ${ROW - 1}px; rx: 2px }
  .frame:hover rect { stroke: #24292f }
  .js rect { fill: #a5d6a7 } .addon rect { fill: #ffb74d } .kernel rect { fill: #ef9a9a }
  .other rect { fill: #cfd8dc }`;

/**
 * Runs in the browser. Frames are nested `svg` elements, which cut their text off by themselves.
 */
const SCRIPT = `
  const frames = [...document.querySelectorAll(".frame")].map((element) => ({
    element, from: Number(element.dataset.from), length: Number(element.dataset.length),
    level: Number(element.dataset.level),
  }));
  for (const chosen of frames) chosen.element.addEventListener("click", () => {
    for (const { element, from, length, level } of frames) {
      const left = Math.max(0, (from - chosen.from) / chosen.length);
      const right = Math.min(1, (from + length - chosen.from) / chosen.length);
      element.style.display = right - left > 0.0005 ? "" : "none";
      element.style.opacity = level < chosen.level ? 0.5 : 1;
      element.setAttribute("x", left * 100 + "%");
      element.setAttribute("width", Math.max(0, right - left) * 100 + "%");
    }
  });`;

/**
 * @param {Frame} root
 * @param {string} title
 */
export function flameGraph(root, title) {
  /** @type {Array<{ frame: Frame, from: number, level: number }>} */
  const placed = [];
  /**
   * @param {Frame} frame
   * @param {number} from samples to the left of it
   * @param {number} level
   */
  const place = (frame, from, level) => {
    if (frame.samples < root.samples * LEAST) return;
    placed.push({ frame, from, level });
    let next = from;
    for (const child of [...frame.children.values()].sort((a, b) => b.samples - a.samples)) {
      place(child, next, level + 1);
      next += child.samples;
    }
  };
  place(root, 0, 0);
  const levels = Math.max(0, ...placed.map(({ level }) => level + 1));
  const height = HEAD + levels * ROW + 8;
  const share = (/** @type {number} */ samples) => (samples / root.samples) * 100;
  const frames = placed.map(({ frame: { name, kind, samples }, from, level }) => {
    const y = HEAD + (levels - 1 - level) * ROW;
    const data = `data-from="${from}" data-length="${samples}" data-level="${level}"`;
    return (
      `<svg class="frame ${kind}" x="${share(from).toFixed(3)}%" y="${y}" ` +
      `width="${share(samples).toFixed(3)}%" height="${ROW}" ${data}>` +
      `<title>${escaped(name)}: ${share(samples).toFixed(2)} %, ${samples} samples</title>` +
      `<rect/><text x="3" y="12">${escaped(name)}</text></svg>`
    );
  });
  const keys = ["js JavaScript", "addon addon", "kernel kernel", "other Node, C library"];
  const legend = keys.map((key, index) => {
    const [kind, ...words] = key.split(" ");
    return (
      `<svg class="${kind}" x="${8 + index * 90}" y="22" width="12" height="12"><rect width="12" ` +
      `height="12"/></svg><text x="${24 + index * 90}" y="32">${words.join(" ")}</text>`
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="100%" height="${height}">`,
    `<style>${STYLE}\n</style>`,
    `<text class="title" x="8" y="15">${escaped(title)}</text>`,
    ...legend,
    ...frames,
    `<script><![CDATA[${SCRIPT}\n]]></script>`,
    "</svg>\n",
  ].join("\n");
}

/** @param {string} text */
function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
