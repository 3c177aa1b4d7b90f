import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: {
    alias: { netsvc: fileURLToPath(new URL("./ts/index.ts", import.meta.url)) },
  },
  test: {
    include: ["__test__/**/*.spec.ts"],
    // A native addon is loaded per process; worker threads are tested by tests that start their own.
    pool: "forks",
    // Tests start processes of their own: more at once than this measures the machine, not netsvc.
    maxWorkers: 2,
    // Generous, because a slow machine must not fail a test; a test's own waits are bounded tighter.
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
