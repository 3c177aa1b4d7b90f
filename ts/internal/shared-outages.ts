// Many registries of one process that lose one hub: the operator hears of it once, with a count.

import { now } from "./clock.js";
import { setTimeout } from "./timers.js";

/** Milliseconds that a line waits for others to say the same. */
const GATHER = 200;
/** Seconds after a line in which nobody repeats it: attempts of an old outage are 5 s apart. */
const REPEAT = 30;
/** Seconds after which one that says nothing more is not counted. */
const FORGOTTEN = 600;
/** Hubs and reasons that are told apart. */
const MAX_OUTAGES = 1024;

interface SharedOutage {
  /** Those who cannot link, and when they last tried, in seconds. */
  readonly members: Map<object, number>;
  toldAt: number;
}

const outages = new Map<string, SharedOutage>();
/** Lines that wait. */
const pending = new Set<() => void>();

function tellAll(): void {
  for (const tell of pending) tell();
}

/** Notes that `member` cannot link, for the reason and with the hub that `key` names. */
export function noteFailure(key: string, member: object, at: number = now() / 1000): void {
  let outage = outages.get(key);
  if (outage === undefined) {
    if (outages.size >= MAX_OUTAGES) outages.clear();
    outage = { members: new Map(), toldAt: Number.NEGATIVE_INFINITY };
    outages.set(key, outage);
  }
  outage.members.set(member, at);
}

/**
 * Has `write` called soon, with the number of those who cannot link, unless somebody has told the
 * same just before. To be called after `noteFailure`.
 */
export function tellTogether(
  key: string,
  write: (members: number) => void,
  at: number = now() / 1000,
): void {
  const outage = outages.get(key);
  if (outage === undefined) {
    write(1);
    return;
  }
  if (at - outage.toldAt < REPEAT) return;
  outage.toldAt = at;
  const tell = (): void => {
    if (!pending.delete(tell)) return;
    if (pending.size === 0) process.off("exit", tellAll);
    for (const [member, last] of outage.members)
      if (at - last > FORGOTTEN) outage.members.delete(member);
    write(Math.max(1, outage.members.size));
  };
  if (pending.size === 0) process.once("exit", tellAll);
  pending.add(tell);
  setTimeout(tell, GATHER).unref();
}

/** `member` is linked: its next failure is another outage. */
export function endFailure(member: object): void {
  for (const [key, outage] of outages) {
    if (outage.members.delete(member) && outage.members.size === 0) outages.delete(key);
  }
}
