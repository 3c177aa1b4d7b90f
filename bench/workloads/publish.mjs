import { measureFlow, messageColumns } from "./load.mjs";

/**
 * @param {string} id
 * @param {string} size
 * @param {number} bytes
 * @param {number} window
 * @returns {import("../lib/types.js").Workload}
 */
const publish = (id, size, bytes, window) => ({
  id,
  title: `Publish to one subscriber, ${size}`,
  needs: ["publisher", "subscriber"],
  columns: messageColumns("messages/s"),
  measure: (session) => measureFlow(session, { bytes, window }),
});

/** @type {import("../lib/types.js").Workload} */
const iterated = {
  ...publish("W3i", "128 B, `for await` instead of a callback", 128, 32_768),
  peers: ["netsvc", "netsvc-iterate"],
};

export const workloads = [
  publish("W3", "128 B", 128, 32_768),
  publish("W3s", "16 B", 16, 32_768),
  publish("W3l", "1 KiB", 1024, 8192),
  iterated,
];
