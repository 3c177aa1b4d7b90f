// `node scripts/stage-tests.mjs platform`: makes .cache/staged/<platform>/project, a folder with
// all tests and the packed package of that platform, to be copied to a machine or mounted in a
// container that has Node and nothing else. There: `node node_modules/vitest/vitest.mjs run`.

import { join } from "node:path";
import { root } from "./lib/root.mjs";
import { targetsOf } from "./lib/targets.mjs";
import { testProject } from "./lib/test-project.mjs";
import { setupOrExit } from "./setup.mjs";

const platforms = process.argv.slice(2);
if (platforms.length === 0) {
  console.error("stage-tests: name the platforms");
  process.exit(1);
}
await setupOrExit({ examples: true });
for (const target of targetsOf(platforms)) {
  console.log(await testProject(join(root, ".cache/staged", target.platform), target));
}
