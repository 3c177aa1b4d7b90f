// How long tests wait. Plain JavaScript, because programs that tests start import it too.

/**
 * How many times slower than usual everything may be, by the environment variable
 * NETSVC_TIME_SCALE: an emulated processor needs 10. It stretches how long is waited for something
 * at most, never a duration that is tested.
 */
export const SCALE = scale(process.env.NETSVC_TIME_SCALE);

/**
 * @param {number} milliseconds what suffices on a slow machine
 * @returns {number} what suffices here
 */
export function stretched(milliseconds) {
  return milliseconds * SCALE;
}

/** @param {string | undefined} text */
function scale(text) {
  if (text === undefined || text === "") return 1;
  const value = Number(text);
  if (value >= 1 && value <= 1000) return value;
  throw new Error(`NETSVC_TIME_SCALE must be from 1 to 1000 and is ${text}`);
}
