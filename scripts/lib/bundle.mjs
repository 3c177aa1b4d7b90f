// ts/ -> dist/, the JavaScript that is published: three files instead of forty, which saves a
// process that uses netsvc 5 MiB of memory. Importing a module costs Node more than its code does.

import { join } from "node:path";
import { root } from "./root.mjs";

/** Resolves with whether it succeeded; warnings are errors. */
export async function bundle() {
  // Not before it is installed.
  const { build } = await import("rolldown");
  let warnings = 0;
  try {
    await build({
      cwd: root,
      input: { index: "ts/index.ts", "cli/netsvc": "ts/cli/netsvc.ts" },
      platform: "node",
      external: /^node:/,
      tsconfig: join(root, "tsconfig.build.json"),
      transform: { target: "node20.19" },
      output: {
        dir: "dist",
        entryFileNames: "[name].js",
        // As deep in dist/ as what looks for native/ and package.json is in ts/.
        chunkFileNames: "internal/[name].js",
        codeSplitting: { groups: [{ name: "netsvc", test: /[\\/]ts[\\/](?!cli[\\/]|index\.ts)/ }] },
        minifyInternalExports: false,
        comments: false,
      },
      onLog(level, { message }) {
        if (level !== "warn") return;
        console.error(message);
        warnings += 1;
      },
    });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return false;
  }
  return warnings === 0;
}
