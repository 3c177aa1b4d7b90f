import { parseArgs } from "node:util";

export const USAGE = `npm run bench -- [options]

  --only W2,W3        only these questions; --only growth: those of growing numbers
  --peers netsvc,ws   only these peers
  --repeat N          repetitions of each measurement (3)
  --seconds N         length of a measured window (2)
  --quick             the same as --repeat 1 --seconds 0.5
  --out FOLDER        where results.json and the plots go (.cache/bench)
  --help              this text`;

/**
 * @typedef {object} Options
 * @property {readonly string[]} only empty: all
 * @property {readonly string[]} peers empty: all
 * @property {number} repeat
 * @property {number} seconds
 * @property {string} [out]
 * @property {boolean} help
 */

/**
 * Throws an Error that says what is wrong.
 * @param {readonly string[]} args
 * @returns {Options}
 */
export function parseOptions(args) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string", default: "" },
      peers: { type: "string", default: "" },
      repeat: { type: "string" },
      seconds: { type: "string" },
      quick: { type: "boolean", default: false },
      out: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const { quick, out, help } = values;
  const repeat = Number(values.repeat ?? (quick ? 1 : 3));
  const seconds = Number(values.seconds ?? (quick ? 0.5 : 2));
  if (!Number.isSafeInteger(repeat) || repeat < 1) {
    throw new Error("--repeat must be a whole number above 0");
  }
  if (!(seconds >= 0.1 && seconds <= 60)) throw new Error("--seconds must be 0.1 to 60");
  const options = { only: list(values.only), peers: list(values.peers), repeat, seconds, help };
  return out === undefined ? options : { ...options, out };
}

/** @param {string} text */
function list(text) {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}
