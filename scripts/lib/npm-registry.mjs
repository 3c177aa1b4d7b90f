// The registry that npm is configured for, as `publishAll` uses it.

import { join } from "node:path";
import { runNpm } from "./npm.mjs";

/**
 * @param {string} folder of the tarballs
 * @param {readonly string[]} options of `npm publish`
 * @returns {import("./publish.mjs").Registry}
 */
export function npmRegistry(folder, options) {
  return {
    async published({ name, version }) {
      const args = ["view", `${name}@${version}`, "dist.integrity", "--json"];
      const { code, stdout, stderr } = await runNpm(args, { cwd: folder, quiet: true });
      const answer = stdout.trim() === "" ? undefined : JSON.parse(stdout);
      // No such version, or no such package.
      if (code === 0 && answer === undefined) return undefined;
      if (answer?.error?.code === "E404") return undefined;
      if (code !== 0 || typeof answer !== "string")
        throw new Error(`the registry does not say whether it has ${name}: ${stdout}${stderr}`);
      return answer;
    },
    async publish({ name, file }) {
      const args = ["publish", join(folder, file), "--access", "public", "--ignore-scripts"];
      const { code } = await runNpm([...args, ...options], { cwd: folder });
      if (code !== 0) throw new Error(`${name} could not be published; the output is above`);
    },
  };
}
