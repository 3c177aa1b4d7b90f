// What the starter and its parts say to each other, over the channel that Node makes for child
// processes. Not over netsvc: the starter must work, and count, when the hub is dead.

import type { Counts } from "./counts.js";

/** What the starter sends to a part that shall end. */
export const END = "end";

/** What a part sends twice a second: what was added since the last time. */
export interface Told {
  counts: Counts;
  /** Services that came into sight. */
  services: { name: string; identity: string }[];
}
