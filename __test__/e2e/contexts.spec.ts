// Asynchronous contexts of what netsvc calls: nothing of one caller is seen by the next.

import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { usePrograms } from "../helpers/program.js";

const program = fileURLToPath(new URL("../fixtures/contexts.mjs", import.meta.url));
const { start } = usePrograms();

it("are empty for handlers, and otherwise those in which callbacks were given", async () => {
  const run = start([program]);
  expect(await run.exit()).toBe(0);
  const { failures, reports, seen } = JSON.parse(run.stdout);
  expect(failures).toEqual([]);
  expect(reports).toBe(16);
  expect(seen).toEqual({
    handler: ["nothing"],
    generator: ["nothing"],
    getter: ["nothing"],
    authorise: ["nothing"],
    "handler with a snapshot": ["given"],
    "generator with a snapshot": ["given"],
    "handler with a context of each call": ["tenant user"],
    "abort listener": ["nothing"],
    "gone listener": ["nothing"],
    log: ["nothing"],
    listener: ["listener"],
    "subscribed listener": ["subscribed listener"],
    subscription: ["subscription"],
    "subscription without a store": ["nothing"],
    watch: ["watch"],
    caller: ["caller"],
    iterator: ["reader"],
  });
});
