import { measureFlow, messageColumns } from "./load.mjs";

/** @type {import("../lib/types.js").Workload} */
const fanout = {
  id: "W4",
  title: "Fan-out to 2 processes with 4 connections each, 128 B; figures for each delivery",
  needs: ["publisher", "subscriber"],
  columns: messageColumns("deliveries/s"),
  measure: (session) =>
    measureFlow(session, { bytes: 128, window: 32_768, processes: 2, connections: 4 }),
};

export const workloads = [fanout];
