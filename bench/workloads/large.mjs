import { measureFlow, messageColumns } from "./load.mjs";

const BYTES = 1 << 20;

/** @type {import("../lib/types.js").Workload} */
const large = {
  id: "W5",
  title: "Publish to one subscriber, 1 MiB; CPU for each message",
  needs: ["publisher", "subscriber"],
  columns: [
    { key: "megabytes", title: "MB/s", format: "count", better: "more" },
    ...messageColumns("").slice(1),
  ],
  async measure(session) {
    const { rate, ...rest } = await measureFlow(session, { bytes: BYTES, window: 16 });
    return { megabytes: (rate * BYTES) / 1e6, ...rest };
  },
};

export const workloads = [large];
