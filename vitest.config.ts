import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { stretched } from "./__test__/helpers/time.mjs";

/** Whatever is set where the tests are run. */
const env = { NETSVC_IO: "auto", NETSVC_TCP_ONLY: "0" };

export default defineConfig({
  resolve: {
    alias: { netsvc: fileURLToPath(new URL("./ts/index.ts", import.meta.url)) },
  },
  test: {
    // Everything as users have it by default; what needs the addon once more without the event
    // loop, as it is under other runtimes, and once more by TCP, as it is between machines.
    projects: [
      {
        extends: true,
        test: { name: "auto", include: ["__test__/**/*.spec.ts"], env },
      },
      {
        extends: true,
        test: {
          name: "thread",
          include: ["__test__/{border,e2e,ose,scale}/**/*.spec.ts"],
          env: { ...env, NETSVC_IO: "thread" },
        },
      },
      {
        extends: true,
        test: {
          name: "tcp",
          include: ["__test__/{border,e2e,ose,scale}/**/*.spec.ts"],
          env: { ...env, NETSVC_TCP_ONLY: "1" },
        },
      },
    ],
    // Both stay out of runs on an emulated processor, and are listed there.
    tags: [
      { name: "memory", description: "measures the memory of a process" },
      { name: "soak", description: "runs for long" },
    ],
    // A native addon is loaded per process; worker threads are tested by tests that start their
    // own.
    pool: "forks",
    // Tests start processes of their own: more at once than this measures the machine, not netsvc.
    maxWorkers: 2,
    // Generous, because a slow machine must not fail a test; a test's own waits are bounded
    // tighter.
    testTimeout: stretched(30_000),
    hookTimeout: stretched(30_000),
  },
});
