import { measureRequests, requestColumns } from "./load.mjs";

/** @type {import("../lib/types.js").Workload} */
const requests = {
  id: "W2",
  title: "Request and reply, 128 B, 256 in flight",
  needs: ["requester", "responder"],
  columns: requestColumns,
  measure: (session) => measureRequests(session),
};

/** @type {import("../lib/types.js").Workload} */
const signals = {
  ...requests,
  id: "W2s",
  title: "As W2, handlers that ask for `context.signal`",
  peers: ["netsvc", "netsvc-signal"],
};

export const workloads = [requests, signals];
