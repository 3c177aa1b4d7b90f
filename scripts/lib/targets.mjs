/**
 * A Linux platform that artifacts are built for.
 * @typedef {object} Target
 * @property {string} platform its name in file and package names
 * @property {string} triple Rust's name of it
 * @property {string} zig the linker's name of it, with the oldest glibc it must run on
 * @property {readonly string[]} linkerFlags
 * @property {string} std Debian's package of the standard library, or "" if it has none: it is
 *   built from its sources then
 * @property {"x64" | "arm64" | "arm"} cpu Node's name of the processor
 * @property {"glibc" | "musl"} libc
 * @property {string} machine what readelf calls its processor
 */

/** @type {readonly Target[]} */
export const targets = [
  {
    platform: "linux-x64-gnu",
    cpu: "x64",
    triple: "x86_64-unknown-linux-gnu",
    zig: "x86_64-linux-gnu.2.17",
    linkerFlags: [],
    std: "libstd-rust-web-dev",
    libc: "glibc",
    machine: "Advanced Micro Devices X86-64",
  },
  {
    platform: "linux-arm64-gnu",
    cpu: "arm64",
    triple: "aarch64-unknown-linux-gnu",
    zig: "aarch64-linux-gnu.2.17",
    linkerFlags: [],
    std: "libstd-rust-web-dev:arm64",
    libc: "glibc",
    machine: "AArch64",
  },
  {
    platform: "linux-x64-musl",
    cpu: "x64",
    triple: "x86_64-unknown-linux-musl",
    zig: "x86_64-linux-musl",
    linkerFlags: [],
    std: "",
    libc: "musl",
    machine: "Advanced Micro Devices X86-64",
  },
  {
    platform: "linux-arm64-musl",
    cpu: "arm64",
    triple: "aarch64-unknown-linux-musl",
    zig: "aarch64-linux-musl",
    linkerFlags: [],
    std: "",
    libc: "musl",
    machine: "AArch64",
  },
  {
    platform: "linux-arm-gnueabihf",
    cpu: "arm",
    triple: "armv7-unknown-linux-gnueabihf",
    zig: "arm-linux-gnueabihf.2.17",
    // Rust's ARMv7 is without NEON.
    linkerFlags: ["-mcpu=generic+v7a+vfp3d16"],
    std: "",
    libc: "glibc",
    machine: "ARM",
  },
];

/**
 * The targets of these platforms; of all, if none is named.
 * @param {readonly string[]} platforms
 */
export function targetsOf(platforms) {
  if (platforms.length === 0) return targets;
  return platforms.map((platform) => {
    const target = targets.find((one) => one.platform === platform);
    const known = targets.map((one) => one.platform).join(" ");
    if (target === undefined) throw new Error(`${platform} is none of ${known}`);
    return target;
  });
}

/** The addon's file name for a platform, as ts/border/addon.ts knows it. @param {Target} target */
export function addonName({ platform }) {
  return `netsvc.${platform}.node`;
}

/** The hub without Node. */
export const HUB = "netsvcd";

/** Whether a file of a platform's package is the hub. @param {string} name */
export function isHub(name) {
  return name === HUB || name === `${HUB}.exe`;
}
