// typescript-eslint over the code of the docs, with the rules that strict projects have on: what we
// show must pass there. It needs a compiler with an API, so it has one of its own.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { writeAllExamples } from "./pages.mjs";
import { root } from "./root.mjs";
import { run } from "./run.mjs";
import { toolFolder, toolScript } from "./tools.mjs";

/** Below the repository's folder, so that "netsvc" is the built package. */
const FOLDER = join(root, ".cache/docs-lint");

/** @returns {Promise<number>} 0 if there is no fault */
export async function lintExamples() {
  const plugin = join(await toolFolder("typescript-eslint"), "dist/index.js");
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  writeAllExamples(FOLDER);
  writeFileSync(join(FOLDER, "eslint.config.mjs"), configuration(pathToFileURL(plugin).href));
  const eslint = await toolScript("eslint", "eslint");
  const args = [eslint, "--max-warnings", "0", "**/*.ts"];
  return (await run(process.execPath, args, { cwd: FOLDER })).code;
}

/** @param {string} plugin */
function configuration(plugin) {
  return `
import tseslint from ${JSON.stringify(plugin)};

export default tseslint.config(
  tseslint.configs.recommendedTypeChecked,
  { languageOptions: { parserOptions: { project: "tsconfig.json", tsconfigRootDir: import.meta.dirname } } },
);
`;
}
