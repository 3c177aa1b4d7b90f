// Small drawings: panels of bars or lines, readable on light and dark pages. Lengths are in pixels.

const WIDTH = 400;
const GAP = 24;
const ROW = 20;
const LABELS = 104;
const TITLE = 44;
const FOOT = 28;
const LINES_HEIGHT = 210;

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600; font-size: 13px }
  .small { font-size: 11px; fill: #57606a }
  .own { font-weight: 600 }
  .axis { stroke: #8c959f; stroke-width: 1; fill: none }
  .range { stroke: #24292f; stroke-width: 1.5 }
  .c0 { fill: #0969da; stroke: #0969da } .c1 { fill: #8c959f; stroke: #8c959f }
  .c2 { fill: #bf8700; stroke: #bf8700 } .c3 { fill: #1a7f37; stroke: #1a7f37 }
  .c4 { fill: #8250df; stroke: #8250df } .c5 { fill: #cf222e; stroke: #cf222e }
  .line { fill: none; stroke-width: 2 } .bar { stroke: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #9198a1 } .range { stroke: #e6edf3 }
    .c0 { fill: #4493f8; stroke: #4493f8 } .c1 { fill: #656c76; stroke: #656c76 }
    .c2 { fill: #d29922; stroke: #d29922 } .c3 { fill: #3fb950; stroke: #3fb950 }
    .c4 { fill: #ab7df8; stroke: #ab7df8 } .c5 { fill: #f85149; stroke: #f85149 }
  }`;

/**
 * @typedef {object} Bar
 * @property {string} label
 * @property {boolean} own whether it is emphasised
 * @property {number} value
 * @property {number} min
 * @property {number} max
 * @property {string} text the value as it is written
 */

/**
 * @typedef {object} Series
 * @property {string} label
 * @property {number} colour 0 to 5; anything else is grey
 * @property {ReadonlyArray<readonly [x: number, y: number]>} points
 */

/** @typedef {{ height: number, body: string }} Panel */

/**
 * Horizontal bars from zero, with the range of the repetitions.
 * @param {string} title
 * @param {string} subtitle
 * @param {readonly Bar[]} bars
 * @returns {Panel}
 */
export function barPanel(title, subtitle, bars) {
  const longest = Math.max(...bars.map(({ max }) => max), Number.MIN_VALUE);
  const scale = (WIDTH - LABELS - 64) / longest;
  const rows = bars.map(({ label, own, value, min, max, text }, index) => {
    const y = TITLE + index * ROW;
    const end = LABELS + value * scale;
    const middle = y + ROW / 2 - 1;
    const [from, to] = [LABELS + min * scale, LABELS + max * scale];
    const emphasis = own ? ' class="own"' : "";
    return [
      `<text x="${LABELS - 8}" y="${y + 13}" text-anchor="end"${emphasis}>${escaped(label)}</text>`,
      `<rect class="bar c${own ? 0 : 1}" x="${LABELS}" y="${y + 2}" width="${px(value * scale)}" height="${ROW - 6}"/>`,
      max > min ? `<path class="range" d="M${px(from)} ${middle}H${px(to)}"/>` : "",
      `<text x="${px(Math.max(end, to) + 6)}" y="${y + 13}"${emphasis}>${escaped(text)}</text>`,
    ].join("");
  });
  const axis = `<path class="axis" d="M${LABELS} ${TITLE - 2}V${TITLE + bars.length * ROW}"/>`;
  return {
    height: TITLE + bars.length * ROW,
    body: heading(title, subtitle) + rows.join("\n") + axis,
  };
}

/**
 * Lines over what grows; both axes in powers of ten.
 * @param {string} title
 * @param {string} subtitle
 * @param {readonly Series[]} series
 * @param {(value: number) => string} format
 * @returns {Panel}
 */
export function linePanel(title, subtitle, series, format) {
  const xs = [...new Set(series.flatMap(({ points }) => points.map(([x]) => x)))];
  const ys = series.flatMap(({ points }) => points.map(([, y]) => y));
  const bottom = TITLE + LINES_HEIGHT - 20;
  const x = scaleOf(Math.min(...xs), Math.max(...xs), 48, WIDTH - LABELS - 8);
  const [low, high] = [tenBelow(Math.min(...ys)), tenAbove(Math.max(...ys))];
  const y = scaleOf(low, high, bottom, TITLE + 6);
  const ticks = [];
  for (let tick = low; tick <= high * 1.001; tick *= 10) {
    ticks.push(
      `<text class="small" x="42" y="${px(y(tick) + 4)}" text-anchor="end">${short(format(tick))}</text>`,
    );
  }
  const names = spread(series.map(({ points }) => y(points.at(-1)?.[1] ?? low)));
  const lines = series.map(({ label, colour, points }, index) => {
    const drawn = `c${colour >= 0 && colour < 6 ? colour : 1}`;
    const path = points.map(([at, value]) => `${px(x(at))} ${px(y(value))}`).join("L");
    const dots = points.map(
      ([at, value]) => `<circle class="${drawn}" cx="${px(x(at))}" cy="${px(y(value))}" r="2.5"/>`,
    );
    const name = `<text x="${WIDTH - LABELS}" y="${px((names[index] ?? 0) + 4)}">${escaped(label)}</text>`;
    return `<path class="line ${drawn}" d="M${path}"/>${dots.join("")}${name}`;
  });
  const labels = xs.map(
    (value) =>
      `<text class="small" x="${px(x(value))}" y="${bottom + 16}" text-anchor="middle">${value}</text>`,
  );
  const axis = `<path class="axis" d="M48 ${TITLE}V${bottom}H${WIDTH - LABELS - 8}"/>`;
  return {
    height: TITLE + LINES_HEIGHT,
    body: heading(title, subtitle) + axis + ticks.join("") + labels.join("") + lines.join("\n"),
  };
}

/**
 * Panels in two columns, and a line below them.
 * @param {readonly Panel[]} panels
 * @param {string} foot
 */
export function drawing(panels, foot) {
  /** @type {string[]} */
  const placed = [];
  let top = 0;
  for (let index = 0; index < panels.length; index += 2) {
    const row = panels.slice(index, index + 2);
    row.forEach(({ body }, column) => {
      placed.push(`<g transform="translate(${column * (WIDTH + GAP)} ${top})">${body}</g>`);
    });
    top += Math.max(...row.map(({ height }) => height)) + GAP;
  }
  const width = panels.length > 1 ? WIDTH * 2 + GAP : WIDTH;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${top + FOOT - GAP}" width="${width}">`,
    `<style>${STYLE}\n</style>`,
    ...placed,
    `<text class="small" x="4" y="${top + FOOT - GAP - 10}">${escaped(foot)}</text>`,
    "</svg>\n",
  ].join("\n");
}

/**
 * @param {string} title
 * @param {string} subtitle
 */
function heading(title, subtitle) {
  return (
    `<text class="title" x="4" y="16">${escaped(title)}</text>` +
    `<text class="small" x="4" y="32">${escaped(subtitle)}</text>`
  );
}

/**
 * @param {number} low
 * @param {number} high
 * @param {number} from
 * @param {number} to
 * @returns {(value: number) => number}
 */
function scaleOf(low, high, from, to) {
  const span = Math.log(high / low) || 1;
  return (value) => from + ((to - from) * Math.log(value / low)) / span;
}

/**
 * Heights of labels, moved apart where they would cover each other.
 * @param {readonly number[]} heights
 */
function spread(heights) {
  const order = heights.map((height, index) => ({ height, index }));
  order.sort((a, b) => a.height - b.height);
  const result = [...heights];
  let least = Number.NEGATIVE_INFINITY;
  for (const { height, index } of order) {
    least = Math.max(height, least + 14);
    result[index] = least;
  }
  return result;
}

/**
 * Without zeros at the end of a fraction: ticks are powers of ten.
 * @param {string} number
 */
const short = (number) => number.replace(/\.(\d*?)0+(?!\d)/, (_, rest) => (rest ? `.${rest}` : ""));

/** @param {number} value */
const tenBelow = (value) => 10 ** Math.floor(Math.log10(value));

/** @param {number} value */
const tenAbove = (value) => 10 ** Math.ceil(Math.log10(value));

/** @param {number} value */
const px = (value) => Number(value.toFixed(1));

/** @param {string} text */
function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
