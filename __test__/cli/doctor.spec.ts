// `netsvc doctor`.

import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { describe as describeFindings, examine, type Findings } from "../../ts/cli/doctor.js";
import { PACKAGE, useInstallations, VERSION } from "../helpers/installation.js";
import { NETSVC, usePrograms } from "../helpers/program.js";
import { fakeSurroundings } from "../loader/fake-surroundings.js";

const programs = usePrograms();
const installations = useInstallations();
const passed = async () =>
  ({ ok: true, io: "loop", connectMs: 1, requestMs: 2, reportMs: 3 }) as const;
const MUSL = {
  sharedObjects: ["/lib/ld-musl-aarch64.so.1"],
  userLimits: { open_files: { soft: 64, hard: "unlimited" } },
};

describe("doctor", () => {
  it("finds everything in order here, and exchanges a request and a report", async () => {
    const doctor = programs.start([NETSVC, "doctor", "--json"]);
    expect(await doctor.exit()).toBe(0);
    const findings = JSON.parse(doctor.stdout) as Findings;
    expect(findings).toMatchObject({
      version: VERSION,
      node: process.versions.node,
      platform: process.platform,
      arch: process.arch,
      packageExpected: PACKAGE,
      addon: { loaded: true, version: VERSION },
      selfTest: { ok: true },
      problems: [],
    });
  });

  it("says it in words", async () => {
    const doctor = programs.start([NETSVC, "doctor"]);
    expect(await doctor.exit()).toBe(0);
    expect(doctor.stdout).toMatch(/^platform {10}\w+ \w+/m);
    expect(doctor.stdout).toMatch(/^io {16}(loop|thread): /m);
    expect(doctor.stdout).toMatch(/^self-test {9}passed: /m);
    expect(doctor.stdout).toMatch(/^everything works$/m);
  });

  it("says which mode is in effect, and that a wrong one is asked for", async () => {
    const ask = async (NETSVC_IO: string) => {
      const doctor = programs.start([NETSVC, "doctor", "--json"], { env: { NETSVC_IO } });
      const code = await doctor.exit();
      return { code, ...(JSON.parse(doctor.stdout) as Findings) };
    };
    expect(await ask("thread")).toMatchObject({ code: 0, selfTest: { ok: true, io: "thread" } });
    const auto = process.platform === "win32" ? "thread" : "loop";
    expect(await ask("auto")).toMatchObject({ code: 0, selfTest: { ok: true, io: auto } });
    const wrong = await ask("loop");
    expect(wrong.code).toBe(1);
    expect(wrong.problems).toEqual([
      expect.stringContaining("NETSVC_IO must be one of auto, thread"),
    ]);
  });

  it("ends with 1 and the whole reason when the addon is not installed", async () => {
    const { program, folder } = installations.make();
    const doctor = programs.start([program, "doctor", "--json"], { cwd: folder });
    expect(await doctor.exit()).toBe(1);
    const findings = JSON.parse(doctor.stdout) as Findings;
    expect(findings).toMatchObject({ packagesFound: [], addon: { loaded: false } });
    expect(findings.selfTest).toBeUndefined();
    expect(findings.problems).toEqual([expect.stringContaining(`${PACKAGE} ${VERSION}`)]);
    expect(findings.problems[0]).toContain("What to do: ");
  });

  it("takes an addon of another version for a problem", async () => {
    const installation = installations.make().add(PACKAGE, "0.0.1").addAddon();
    const doctor = programs.start([installation.program, "doctor"], { cwd: installation.folder });
    expect(await doctor.exit()).toBe(1);
    expect(doctor.stdout).toContain(`packages found    ${PACKAGE} 0.0.1\n`);
    expect(doctor.stdout).toContain("PROBLEM: the native addon of netsvc could not be loaded\n");
    expect(doctor.stdout).toContain(`: ${PACKAGE} is of version 0.0.1, netsvc of ${VERSION}\n`);
  });

  it("tells of two copies in one project, by their versions and places", async () => {
    const installation = installations.make().add(PACKAGE, VERSION).addAddon();
    const { folder, program } = installation;
    const modules = join(realpathSync(folder), "node_modules");
    const put = (path: string, name: string, version: string) => {
      mkdirSync(join(modules, path), { recursive: true });
      writeFileSync(join(modules, path, "package.json"), JSON.stringify({ name, version }));
    };
    const ask = async (cwd: string) => {
      const doctor = programs.start([program, "doctor", "--json"], { cwd });
      expect(await doctor.exit()).toBe(0);
      return JSON.parse(doctor.stdout) as Findings;
    };
    const own = { folder: join(modules, "netsvc"), version: VERSION };
    put("plain", "plain", "1.0.0");
    // Another of this name, and links that lead in circles.
    put("other", "other", "1.0.0");
    put("other/node_modules/netsvc", "something-else", "0.0.7");
    mkdirSync(join(modules, "plain/node_modules"));
    symlinkSync(modules, join(modules, "plain/node_modules/round"), "junction");
    symlinkSync(join(modules, "netsvc"), join(modules, "plain/node_modules/netsvc"), "junction");
    symlinkSync(join(modules, "gone"), join(modules, "lost"), "junction");
    const one = await ask(folder);
    expect(one).toMatchObject({ copies: [own], notes: [] });

    put("@scope/library", "@scope/library", "1.0.0");
    put("@scope/library/node_modules/netsvc", "netsvc", "0.0.9");
    put(".pnpm/netsvc@0.0.8/node_modules/netsvc", "netsvc", "0.0.8");
    // From wherever in the project.
    mkdirSync(join(folder, "source/deep"), { recursive: true });
    const several = await ask(join(folder, "source/deep"));
    expect(several.copies).toEqual([
      own,
      { folder: join(modules, "@scope/library/node_modules/netsvc"), version: "0.0.9" },
      { folder: join(modules, ".pnpm/netsvc@0.0.8/node_modules/netsvc"), version: "0.0.8" },
    ]);
    expect(several.problems).toEqual([]);
    expect(several.notes).toEqual([expect.stringContaining("npm dedupe")]);
    for (const copy of several.copies) {
      expect(several.notes[0]).toContain(`${copy.version} in ${copy.folder}`);
    }
    const words = programs.start([program, "doctor"], { cwd: folder });
    expect(await words.exit()).toBe(0);
    expect(words.stdout).toMatch(/^NOTE: this project has 3 copies of netsvc: /m);
    expect(words.stdout).toMatch(/^everything works$/m);
  });

  it("shows another machine as it is", async () => {
    const where = fakeSurroundings({ arch: "arm64", report: MUSL });
    const findings = await examine(where, () => {}, passed);
    expect(findings).toMatchObject({
      packageExpected: "netsvc-linux-arm64-musl",
      netsvcd: { missing: "netsvc-linux-arm64-musl is not installed" },
      openFiles: { soft: 64, hard: "unlimited" },
    });
    const text = describeFindings(findings);
    expect(text).toContain("platform          linux arm64, musl\n");
    expect(text).toContain("open files        64 (unlimited at most)\n");
  });

  it("takes a failed self-test for a problem", async () => {
    const failed = async () => ({ ok: false, step: "a request", error: "late" }) as const;
    const findings = await examine(fakeSurroundings({}), () => {}, failed);
    expect(findings.problems).toEqual(["the self-test failed at a request: late"]);
  });

  it("knows no other options", async () => {
    const doctor = programs.start([NETSVC, "doctor", "--jsn"]);
    expect(await doctor.exit()).toBe(2);
    expect(doctor.stderr).toContain("--jsn");
  });
});
