import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { linksOutside } from "../../scripts/lib/links.mjs";

// Windows lets only administrators make links.
test.skipIf(process.platform === "win32")("links that lead out of a folder are found", () => {
  const folder = mkdtempSync(join(tmpdir(), "netsvc-links-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "a/b"), { recursive: true });
  symlinkSync("../..", join(folder, "a/b/top"));
  symlinkSync("../../a", join(folder, "a/b/beside"));
  symlinkSync("../../..", join(folder, "a/b/above"));
  symlinkSync(join(folder, "a"), join(folder, "absolute"));
  expect(linksOutside(folder).sort()).toEqual(["a/b/above", "absolute"]);
});
