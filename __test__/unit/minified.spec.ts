// The errors in a bundle whose names a minifier has taken: applications log and compare `name`.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { rolldown } from "rolldown";
import { expect, it, onTestFinished } from "vitest";
import * as original from "../../ts/errors.js";

const originals = new Map<string, unknown>(Object.entries(original));

type ErrorClass = new (...args: unknown[]) => Error;

it("errors keep their names in a minified bundle", { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "netsvc-minified-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const input = fileURLToPath(new URL("../../ts/errors.ts", import.meta.url));
  const bundle = await rolldown({ input, platform: "node" });
  const file = join(folder, "errors.mjs");
  await bundle.write({ file, format: "esm", minify: true });
  await bundle.close();
  expect(readFileSync(file, "utf8")).not.toMatch(/class \w*Error\b/);

  const minified = (await import(pathToFileURL(file).href)) as Record<string, ErrorClass>;
  expect(Object.keys(minified).toSorted()).toEqual([...originals.keys()].toSorted());
  for (const [name, MinifiedError] of Object.entries(minified)) {
    const error = new MinifiedError("x", "no", "y");
    expect(error.name).toBe(name);
    expect(MinifiedError.name).toBe(name);
    expect(error).toBeInstanceOf(originals.get(name));
    // An application's own are known by its own names.
    class OwnError extends MinifiedError {}
    if (name !== "ServiceFailure") expect(new OwnError("x", "no", "y").name).toBe("OwnError");
  }
});
