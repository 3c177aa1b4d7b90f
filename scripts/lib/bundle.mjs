// ts/ -> dist/, the JavaScript that is published. CommonJS is the one implementation: Jest and
// Node's `require` load it as it is, and `import` gets the very same objects through
// dist/index.mjs, which only names them. Three files instead of forty save a process that uses
// netsvc 5 MiB of memory: importing a module costs Node more than its code does.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./root.mjs";

/** Resolves with whether it succeeded; warnings are errors. */
export async function bundle() {
  // Not before it is installed.
  const { build } = await import("rolldown");
  let warnings = 0;
  try {
    const { output } = await build({
      cwd: root,
      input: { index: "ts/index.ts", "cli/netsvc": "ts/cli/netsvc.ts" },
      platform: "node",
      external: /^node:/,
      tsconfig: join(root, "tsconfig.build.json"),
      transform: {
        target: "node20.19",
        define: { PUBLISHED_VERSION: JSON.stringify(ownVersion()) },
      },
      plugins: [{ name: "built-in modules", renderChunk: withoutRequireOfBuiltIns }],
      output: {
        dir: "dist",
        format: "cjs",
        strict: true,
        // Whoever compiles `import netsvc from "netsvc"` to CommonJS gets the module, as its types
        // say.
        esModule: false,
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
    const index = output.find((chunk) => chunk.type === "chunk" && chunk.name === "index");
    if (index?.type !== "chunk") throw new Error("nothing was made of ts/index.ts");
    writeEntries(index.exports);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return false;
  }
  return warnings === 0;
}

/** @returns {string} */
export function ownVersion() {
  return JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version;
}

/**
 * esbuild makes `require` of CommonJS in an ES module a function that throws, even for what Node
 * has built in. Nothing is left for it to replace.
 * @param {string} code
 */
function withoutRequireOfBuiltIns(code) {
  return code.replaceAll(/\brequire\(("node:[\w/]+")\)/g, "process.getBuiltinModule($1)");
}

/**
 * What surrounds the implementation: its format, for the package is otherwise one of ES modules,
 * and the names that it has for `import`, with their types.
 * @param {readonly string[]} names
 */
function writeEntries(names) {
  const write = (/** @type {string} */ file, /** @type {string} */ text) =>
    writeFileSync(join(root, "dist", file), `${text}\n`);
  write("package.json", JSON.stringify({ type: "commonjs" }));
  write("index.mjs", `export { ${names.join(", ")} } from "./index.js";`);
  write("index.d.mts", 'export * from "./index.js";');
}
