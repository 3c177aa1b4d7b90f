// An option that is there and undefined is an option that is not there: for types of users with
// `exactOptionalPropertyTypes` as well, who pass on what they may have been given.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root } from "../../scripts/lib/root.mjs";

/** What constrains a contract is no option. */
const NO_OPTIONS = ["types.ts"];

it("every optional property of a public type takes undefined", () => {
  const ts = join(root, "ts");
  const names = readdirSync(ts, { recursive: true, encoding: "utf8" });
  const files = names
    .map((name) => name.replaceAll("\\", "/"))
    .filter((name) => name.endsWith(".ts") && !/^(border|cli|content)\//.test(name))
    .filter((name) => !NO_OPTIONS.includes(name));
  expect(files.length).toBeGreaterThan(20);
  const strict = files.flatMap((name) => {
    const text = readFileSync(join(ts, name), "utf8");
    return optionalProperties(text)
      .filter((property) => !/(\| undefined|: unknown)$/.test(property))
      .map((property) => `${name}: ${property}`);
  });
  expect(strict).toEqual([]);
});

/** Those of interfaces and of types of objects; parameters are no properties. */
function optionalProperties(text: string): string[] {
  const found = [];
  for (const { index } of text.matchAll(/(?<=[{;]\s*|\*\/\s*)(?:readonly )?\w+\?: /g)) {
    let depth = 0;
    let at = index;
    for (; at < text.length; at += 1) {
      const character = text[at] ?? "";
      if ("{([".includes(character)) depth += 1;
      if ("})]".includes(character)) depth -= 1;
      if (depth < 0 || (depth === 0 && character === ";")) break;
    }
    found.push(text.slice(index, at).replace(/\s+/g, " ").trim());
  }
  return found;
}
