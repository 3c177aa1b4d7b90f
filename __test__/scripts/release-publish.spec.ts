import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Packed, readPacked, writePacked } from "../../scripts/lib/packed.mjs";
import { publishAll } from "../../scripts/lib/publish.mjs";
import { sbomOf } from "../../scripts/lib/sbom.mjs";

const packages: Packed[] = ["one", "two", "three"].map((name) => {
  return { name, version: "1.0.0", file: `${name}.tgz`, integrity: `sha512-${name}` };
});

/** A registry that has what was published, and fails where `failing` says. */
function registryWith(has: Record<string, string>, failing = "") {
  return {
    has,
    published: async ({ name }: Packed) => has[name],
    publish: async ({ name, integrity }: Packed) => {
      if (name === failing) throw new Error("no answer");
      has[name] = integrity;
    },
  };
}

let said: string[];
let folder: string;
beforeEach(() => {
  said = [];
  folder = mkdtempSync(join(tmpdir(), "netsvc-packed-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const say = (line: string) => said.push(line);

test("publishing goes on where it failed, and does nothing when all is there", async () => {
  const broken = registryWith({}, "two");
  await expect(publishAll(packages, broken, say)).rejects.toThrow("no answer");
  expect(Object.keys(broken.has)).toEqual(["one"]);
  const whole = registryWith(broken.has);
  await publishAll(packages, whole, say);
  expect(Object.keys(whole.has)).toEqual(["one", "two", "three"]);
  said = [];
  await publishAll(packages, registryWith(whole.has, "one"), say);
  expect(said).toEqual(packages.map(({ name }) => `${name}@1.0.0 is published already`));
});

test("a version with another content stops it before anything is published", async () => {
  const registry = registryWith({ three: "sha512-other" });
  await expect(publishAll(packages, registry, say)).rejects.toThrow(
    "the registry has three@1.0.0 with another content",
  );
  expect(Object.keys(registry.has)).toEqual(["three"]);
});

test("a registry that cannot say what it has stops it before anything is published", async () => {
  const registry = registryWith({});
  const published = async ({ name }: Packed) => {
    if (name === "three") throw new Error("it does not say");
    return undefined;
  };
  await expect(publishAll(packages, { ...registry, published }, say)).rejects.toThrow("not say");
  expect(registry.has).toEqual({});
});

test("a packed folder that was changed since is not published", () => {
  const tarball = join(folder, "work", "one.tgz");
  const packed = join(folder, "packed");
  for (const path of [join(folder, "work"), packed]) mkdirSync(path);
  writeFileSync(tarball, "content");
  writeFileSync(join(packed, "notes.md"), "notes");
  writePacked(packed, [{ name: "one", version: "1.0.0", tarball }]);
  expect(readPacked(packed)).toEqual([
    {
      ...{ name: "one", version: "1.0.0", file: "one.tgz" },
      integrity: expect.stringMatching(/^sha512-[\w+/]{86}==$/),
    },
  ]);
  writeFileSync(join(packed, "one.tgz"), "other");
  expect(() => readPacked(packed)).toThrow("one.tgz is not what SHA256SUMS says");
  rmSync(join(packed, "one.tgz"));
  expect(() => readPacked(packed)).toThrow("one.tgz is missing");
});

test("the SBOM names what is linked in, and not what builds or tests it", () => {
  const crate = (name: string, source: string | null = "registry") => {
    return { id: name, name, version: "1.0.0", license: "MIT/Apache-2.0", source };
  };
  const to = (pkg: string, kind: string | null = null) => ({ pkg, dep_kinds: [{ kind }] });
  const metadata = {
    packages: [
      crate("hub", null),
      crate("core", null),
      ...["b", "a", "test", "cc"].map((n) => crate(n)),
    ],
    resolve: {
      nodes: [
        { id: "hub", deps: [to("core"), to("b"), to("cc", "build")] },
        { id: "core", deps: [to("a"), to("test", "dev"), to("hub", "dev")] },
        ...["a", "b", "test", "cc"].map((id) => ({ id, deps: [] })),
      ],
    },
  };
  const { components } = sbomOf(metadata, { name: "p", version: "1.0.0", license: "MIT" }, ["hub"]);
  expect(components.map(({ purl }) => purl)).toEqual(["pkg:cargo/a@1.0.0", "pkg:cargo/b@1.0.0"]);
  expect(components[0]?.licenses).toEqual([{ expression: "MIT OR Apache-2.0" }]);
});
