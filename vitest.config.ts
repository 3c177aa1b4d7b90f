import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { stretched } from "./__test__/helpers/time.mjs";

export default defineConfig({
  resolve: {
    alias: { netsvc: fileURLToPath(new URL("./ts/index.ts", import.meta.url)) },
  },
  test: {
    include: ["__test__/**/*.spec.ts"],
    // Both stay out of runs on an emulated processor, and are listed there.
    tags: [
      { name: "memory", description: "measures the memory of a process" },
      { name: "soak", description: "runs for long" },
    ],
    // A native addon is loaded per process; worker threads are tested by tests that start their own.
    pool: "forks",
    // Tests start processes of their own: more at once than this measures the machine, not netsvc.
    maxWorkers: 2,
    // Generous, because a slow machine must not fail a test; a test's own waits are bounded tighter.
    testTimeout: stretched(30_000),
    hookTimeout: stretched(30_000),
  },
});
