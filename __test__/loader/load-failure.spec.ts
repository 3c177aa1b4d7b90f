// When the addon does not load, the error says what is there, what should be, and what to do.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadFailure, reasonsOf } from "../../ts/border/load-failure.js";
import { AddonError } from "../../ts/errors.js";
import { PACKAGE, useInstallations, VERSION } from "../helpers/installation.js";
import { usePrograms } from "../helpers/program.js";
import { type Fake, fakeSurroundings } from "./fake-surroundings.js";

const MUSL = { sharedObjects: ["/lib/ld-musl-x86_64.so.1"] };
const GLIBC = { header: { glibcVersionRuntime: "2.36" } };

function message(fake: Fake, cause: unknown = new Error("Cannot find module 'x'")): string {
  const error = loadFailure(cause, fakeSurroundings({ report: GLIBC, ...fake }));
  expect(error).toBeInstanceOf(AddonError);
  expect(error.code).toBe("addon");
  expect(error.cause).toBe(cause);
  return error.message;
}

describe("a failure to load the addon", () => {
  it("names platform, C library, and the package with its version", () => {
    const text = message({ arch: "arm64", report: MUSL });
    expect(text).toContain("platform: linux arm64, musl\n");
    expect(text).toContain("package expected: netsvc-linux-arm64-musl 1.2.3\n");
    expect(text).toContain("packages found: none\n");
    expect(message({})).toContain("platform: linux x64, glibc 2.36\n");
  });

  it("where nothing is installed: optional packages, npm's bug with lock files, and a command", () => {
    const text = message({});
    expect(text).toContain("https://github.com/npm/cli/issues/4828");
    expect(text).toContain("--omit=optional");
    expect(text).toContain("npm install netsvc-linux-x64-gnu@1.2.3");
  });

  it("where the package of another platform is installed: node_modules came from elsewhere", () => {
    const text = message({ arch: "arm64", packages: { "netsvc-linux-x64-gnu": "1.2.3" } });
    expect(text).toContain("packages found: netsvc-linux-x64-gnu 1.2.3\n");
    expect(text).toContain("for another platform");
    expect(text).toContain("npm install netsvc-linux-arm64-gnu@1.2.3");
    expect(text).not.toContain("4828");
  });

  it("where the version does not fit: which it should be", () => {
    const text = message({ packages: { "netsvc-linux-x64-gnu": "1.0.0" } });
    expect(text).toContain("found: netsvc-linux-x64-gnu 1.0.0\n");
    expect(text).toContain("does not fit netsvc 1.2.3");
  });

  it("where a package is damaged: that it is", () => {
    const text = message({ packages: { "netsvc-linux-x64-gnu": undefined } });
    expect(text).toContain("netsvc-linux-x64-gnu (damaged: no version)");
  });

  it("where there is no package for the platform: what there is", () => {
    const text = message({ platform: "freebsd" });
    expect(text).toContain("package expected: none");
    expect(text).toContain("linux-arm64-musl");
  });

  it.each([
    ["/lib/libc.so.6: version `GLIBC_2.17' not found (required by x.node)", "older than the addon"],
    ["x.node: failed to map segment from shared object", "noexec"],
    ["x.node: invalid ELF header", "damaged or for another platform"],
    ["Error loading shared library ld-linux-x86-64.so.2", "damaged or for another platform"],
    ["Cannot load native addon because loading addons is disabled.", "--allow-addons"],
    ["something new", "the reasons above"],
  ])("where the system says %s: what that means", (reason, meaning) => {
    const packages = { "netsvc-linux-x64-gnu": "1.2.3" };
    const text = message({ packages }, new Error("Cannot load", { cause: new Error(reason) }));
    expect(text).toContain(`because: Cannot load\n  because: ${reason}\n`);
    expect(text).toContain(meaning);
  });

  it("where a bundler took it along: how each leaves it out", () => {
    for (const packages of [{}, { "netsvc-linux-x64-gnu": "1.0.0" }]) {
      const text = message({ bundled: true, packages });
      expect(text).toContain('What to do: bundled: mark "netsvc" as external');
      expect(text).toContain("--external:netsvc");
      expect(text).toContain('external: ["netsvc"]');
      expect(text).toContain('externals: { netsvc: "node-commonjs netsvc" }');
      expect(text).toContain("netsvc-linux-x64-gnu in node_modules");
      expect(text).not.toContain("4828");
    }
  });

  it("where a bundler took it along and the addon is there: only why that does not load", () => {
    const packages = { "netsvc-linux-x64-gnu": "1.2.3" };
    const text = message({ bundled: true, packages }, new Error("x.node: file too short"));
    expect(text).toContain("damaged or for another platform");
    expect(text).not.toContain("external");
  });

  it("where Node hides files: what it needs to be allowed", () => {
    const text = message({ restricted: true });
    expect(text).toContain("--allow-fs-read");
    expect(text).toContain("--allow-addons");
    expect(text).not.toContain("4828");
    const packages = { "netsvc-linux-x64-gnu": "1.2.3" };
    const cause = new Error("x.node: file too short");
    expect(message({ restricted: true, packages }, cause)).toContain("damaged");
  });

  it("where it was built here: where that is", () => {
    expect(message({ built: true })).toMatch(/built here: .*netsvc\.linux-x64-gnu\.node\n/);
  });
});

describe("the reasons", () => {
  it("are all of a chain of causes, each once, without their stacks", () => {
    const last = new Error("c\nRequire stack:\n- x");
    const cause = new Error("a", {
      cause: new Error("b", { cause: new Error("a", { cause: last }) }),
    });
    expect(reasonsOf(cause)).toEqual(["a", "b", "c"]);
  });

  it("end even if the chain does not", () => {
    const loop = new Error("loop");
    loop.cause = loop;
    expect(reasonsOf(loop)).toEqual(["loop"]);
    let deep: Error | undefined;
    for (let n = 0; n < 100; n++) deep = new Error(String(n), { cause: deep });
    expect(reasonsOf(deep)).toHaveLength(16);
  });

  it("may be anything", () => {
    expect(reasonsOf("text")).toEqual(["text"]);
    expect(reasonsOf(undefined)).toEqual(["undefined"]);
  });
});

describe("netsvc as it is installed", () => {
  const installations = useInstallations();
  const programs = usePrograms();
  const USE = `import("netsvc").then(({ Registry }) => {
    try { new Registry().id; console.log("loaded"); process.exit(); }
    catch (error) { console.log(JSON.stringify([error.name, error.code, error.message])); }
  })`;

  it("throws the error on first use, not on import, when the package of the platform is missing", async () => {
    const { folder } = installations.make();
    const program = programs.start(["-e", USE], { cwd: folder });
    expect(await program.exit()).toBe(0);
    const [name, code, text] = JSON.parse(program.stdout);
    expect([name, code]).toEqual(["AddonError", "addon"]);
    expect(text).toContain(`package expected: ${PACKAGE} ${VERSION}\n  packages found: none\n`);
    expect(text).toMatch(/because: .*Cannot find module/);
  });

  it("says so when the addon in the package is no addon", async () => {
    const installation = installations.make().add(PACKAGE, VERSION);
    const target = PACKAGE.replace("netsvc-", "");
    const file = join(installation.folder, "node_modules", PACKAGE, `netsvc.${target}.node`);
    writeFileSync(
      file,
      "this is no addon, but long enough to be looked at as one of 64 bytes".repeat(9),
    );
    const program = programs.start(["-e", USE], { cwd: installation.folder });
    expect(await program.exit()).toBe(0);
    const [name, , text] = JSON.parse(program.stdout);
    expect(name).toBe("AddonError");
    expect(text).toContain(`packages found: ${PACKAGE} ${VERSION}\n`);
    expect(text).toContain(file);
  });

  it("throws when the package is of another version, without loading it", async () => {
    const installation = installations.make().add(PACKAGE, "0.0.9").addAddon();
    const program = programs.start(["-e", USE], { cwd: installation.folder });
    expect(await program.exit()).toBe(0);
    const [name, , text] = JSON.parse(program.stdout);
    expect(name).toBe("AddonError");
    expect(text).toContain(`because: ${PACKAGE} is of version 0.0.9, netsvc of ${VERSION}\n`);
    expect(text).toContain("does not fit");
  });

  it("names what Node's permission model needs", async () => {
    const installation = installations.make().add(PACKAGE, VERSION).addAddon();
    const { folder } = installation;
    const own = process.allowedNodeEnvironmentFlags.has("--permission");
    const model = ["--no-warnings", own ? "--permission" : "--experimental-permission"];
    const said = async (...flags: string[]) => {
      const file = join(folder, "use.cjs");
      writeFileSync(file, USE);
      const program = programs.start([...model, ...flags, file], { cwd: folder });
      await program.exit();
      return program.stdout + program.stderr;
    };
    expect(await said("--allow-fs-read=*")).toContain("start it with --allow-addons");
    const some = [join(folder, "use.cjs"), join(folder, "node_modules/netsvc/*")];
    const part = await said("--allow-addons", ...some.map((path) => `--allow-fs-read=${path}`));
    expect(part).toContain("start it with --allow-fs-read");
    expect(await said("--allow-addons", "--allow-fs-read=*")).toBe("loaded\n");
  });

  it("loads no file that a variable of the environment names, and no other package", async () => {
    const strangers = ["wasm32-wasi", "linux-x64-musleabi", "android-arm64", "linux-riscv64-gnu"];
    const installation = installations.make();
    for (const stranger of strangers) {
      const main = `netsvc.${stranger}.node`;
      installation.add(`netsvc-${stranger}`, VERSION, { [main]: "", "index.js": "" });
    }
    const trap = join(installation.folder, "trap.cjs");
    writeFileSync(trap, "console.log('trapped')");
    const env = {
      NAPI_RS_NATIVE_LIBRARY_PATH: trap,
      NAPI_RS_FORCE_WASI: "1",
      NETSVC_ADDON: trap,
    };
    const without = programs.start(["-e", USE], { cwd: installation.folder, env });
    expect(await without.exit()).toBe(0);
    expect(JSON.parse(without.stdout)[2]).toMatch(/because: Cannot find module 'netsvc-/);
    installation.add(PACKAGE, VERSION).addAddon();
    const program = programs.start(["-e", USE], { cwd: installation.folder, env });
    expect(await program.exit()).toBe(0);
    expect(program.stdout).toBe("loaded\n");
  });

  it("loads when the package is there", async () => {
    const installation = installations.make().add(PACKAGE, VERSION).addAddon();
    const program = programs.start(["-e", USE], { cwd: installation.folder });
    expect(await program.exit()).toBe(0);
    expect(program.stdout).toBe("loaded\n");
  });
});
