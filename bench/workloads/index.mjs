import { workloads as discovery } from "./discovery.mjs";
import { workloads as fanout } from "./fanout.mjs";
import { workloads as growth } from "./growth.mjs";
import { workloads as large } from "./large.mjs";
import { workloads as latency } from "./latency.mjs";
import { workloads as memory } from "./memory.mjs";
import { workloads as publish } from "./publish.mjs";
import { workloads as reconnect } from "./reconnect.mjs";
import { workloads as requests } from "./requests.mjs";

/** Every question, in the order of the report. */
export const WORKLOADS = [
  ...latency,
  ...requests,
  ...publish,
  ...fanout,
  ...large,
  ...memory,
  ...reconnect,
  ...discovery,
  ...growth,
];
