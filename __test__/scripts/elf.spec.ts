import { expect, test } from "vitest";
import { faultsOf } from "../../scripts/lib/elf.mjs";
import { type Target, targetsOf } from "../../scripts/lib/targets.mjs";

const glibc = target("linux-arm64-gnu");
const musl = target("linux-arm64-musl");

const good = {
  machine: "AArch64",
  needed: ["libc.so.6", "libpthread.so.0", "ld-linux-aarch64.so.1"],
  glibc: "2.17",
  exported: ["napi_register_module_v1"],
  debug: [],
  content: "panicked at /crates/tokio-1.0.0/src/lib.rs",
} as const;

function faults(change: object, { target = glibc, size = 1_000_000, addon = true } = {}): string {
  const { needed, exported, debug, ...rest } = { ...good, ...change };
  const elf = { ...rest, needed: [...needed], exported: [...exported], debug: [...debug] };
  return faultsOf(elf, { target, size, addon }).join("; ");
}

function target(platform: string): Target {
  const [found] = targetsOf([platform]);
  if (found === undefined) throw new Error("no target");
  return found;
}

test("an addon for the right processor and an old glibc is fit", () => {
  expect(faults({})).toBe("");
});

test.each([
  [{ machine: "ARM" }, "is for ARM"],
  [{ glibc: "2.18" }, "asks for glibc 2.18, newer than 2.17"],
  [{ glibc: undefined }, "asks for no version of glibc"],
  [{ needed: ["libc.so.6", "libgcc_s.so.1"] }, "needs libgcc_s.so.1"],
  [{ exported: [...good.exported, "rust_panic"] }, "exports rust_panic"],
  [{ exported: [] }, "is no addon"],
  [{ debug: [".symtab"] }, "has .symtab"],
  [{ content: "at /home/somebody/netsvc/lib.rs" }, "contains /home/"],
  [{ content: "/x/.cargo/registry/src/y/lib.rs" }, "contains .cargo/registry"],
])("%j is a fault", (change, fault) => {
  expect(faults(change)).toContain(fault);
});

test("a version is compared by its numbers", () => {
  expect(faults({ glibc: "2.4" })).toBe("");
  expect(faults({ glibc: "2.3.4" })).toBe("");
  expect(faults({ glibc: "2.100" })).toContain("newer");
});

test("more than 2.5 MB is too much", () => {
  expect(faults({}, { size: 2_500_000 })).toBe("");
  expect(faults({}, { size: 2_500_001 })).toContain("has 2500001 bytes");
});

test("what is for musl needs nothing of glibc", () => {
  const plain = { glibc: undefined, needed: ["libc.so"] };
  expect(faults(plain, { target: musl })).toBe("");
  expect(faults({ ...plain, needed: [] }, { target: musl })).toBe("");
  expect(faults({ ...plain, needed: ["libc.so.6"] }, { target: musl })).toContain("libc.so.6");
  expect(faults({ ...plain, glibc: "2.17" }, { target: musl })).toContain("asks for glibc");
});

test("a program exports nothing", () => {
  expect(faults({ exported: [] }, { addon: false })).toBe("");
  expect(faults({}, { addon: false })).toContain("exports napi_register_module_v1");
});
