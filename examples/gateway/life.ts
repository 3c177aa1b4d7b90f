// How a part lives and ends: what it tells the starter, and how it ends when told to.

import { registry } from "netsvc";
import { END, type Told } from "./channel.js";
import { addCounts, type Counts, noCounts } from "./counts.js";
import { patience } from "./patience.js";

/** Counts for the starter's summary. A part that is killed takes at most half a second along. */
export const counted: Counts = noCounts();

/** Tells the starter of a service that came into sight. */
export function serviceSeen(name: string, identity: string): void {
  services.push({ name, identity });
}

/**
 * Ends this process when the starter says so or dies; without a starter, at Ctrl-C. `stop` is
 * called first; then the registry is closed, after which nothing keeps the process alive.
 */
export function endWhenTold(stop: () => void | Promise<void> = () => {}): void {
  const telling = setInterval(tell, 500);
  telling.unref();
  let ending = false;
  const end = async (): Promise<void> => {
    if (ending) return;
    ending = true;
    clearInterval(telling);
    await stop();
    await registry.close({ drain: patience(1) });
    await tell();
    // The channel would keep the process alive.
    if (process.connected) process.disconnect();
  };

  process.on("SIGTERM", end);
  if (!process.connected) {
    process.on("SIGINT", end);
    return;
  }
  process.on("message", (message) => message === END && end());
  process.on("disconnect", end);
  // A terminal sends these to the whole group. The starter gets them, too, and ends us in order.
  process.on("SIGINT", () => {});
  process.on("SIGHUP", () => {});
}

let services: Told["services"] = [];

function tell(): Promise<void> {
  const told: Told = { counts: noCounts(), services };
  addCounts(told.counts, counted);
  Object.assign(counted, noCounts());
  services = [];
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    // An error means that the starter is gone, which ends us by `disconnect`.
    else process.send(told, undefined, {}, () => resolve());
  });
}
