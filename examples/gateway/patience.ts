/**
 * How many times slower than usual everything may be. The tests set it where an emulated processor
 * runs the parts; on a real one there is no reason to.
 */
const SCALE = Number(process.env.NETSVC_TIME_SCALE || 1);

/** How long to wait at most for what takes no longer than this on a usual machine; in seconds. */
export function patience(seconds: number): number {
  return seconds * SCALE;
}
