import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";

/** What the figures were measured on. */
export function describeMachine() {
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    system: system(),
    kernel: release(),
    node: process.versions.node,
    load: /** @type {number} */ (loadavg()[0]),
  };
}

/** @param {ReturnType<typeof describeMachine>} machine */
export function machineLine({ date, cpu, cores, memoryGib, system, kernel, node, load }) {
  return (
    `${date}; ${cpu}, ${cores} cores, ${memoryGib} GiB; ${system}, Linux ${kernel}, Node ${node}; ` +
    `load before the start ${load.toFixed(2)}`
  );
}

function system() {
  try {
    return /^PRETTY_NAME="(.*)"$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "Linux";
  } catch {
    return "Linux";
  }
}
