// `npm run bench:memory`: how much memory a hub costs, idle and with a thousand idle clients,
// beside the brokers that a gateway might run instead. Options: `--clients N`.
//
// Every server runs with what its package installs, on loopback; clients are connected, have
// finished their greeting and do nothing. RSS is what /proc says (the pages of the program itself,
// which processes share, included); "own" is the part that is this process's alone.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect as openSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { run } from "../scripts/lib/run.mjs";
import { setupOrExit } from "../scripts/setup.mjs";
import { freePort } from "./lib/port.mjs";
import { settledMemory } from "./lib/procfs.mjs";
import { startServer } from "./lib/server.mjs";

/**
 * @typedef {object} Candidate
 * @property {string} name
 * @property {() => Promise<string | undefined>} program its path; undefined: not to be had
 * @property {(port: number, folder: string) => string[]} args
 * @property {(port: number, count: number) => Promise<() => Promise<void>>} connect connects that
 *   many clients; resolves with what closes them
 */

/** @type {readonly Candidate[]} */
const CANDIDATES = [
  {
    name: "netsvcd",
    program: netsvcd,
    args: (port) => [
      ...["--listen", `127.0.0.1:${port}`, "--limit", "links=100000"],
      ...["--log-level", "warn"],
    ],
    connect: connectNetsvc,
  },
  {
    name: "nats-server",
    program: () => debian("nats-server"),
    args: (port) => ["-a", "127.0.0.1", "-p", `${port}`],
    connect: (port, count) =>
      connectRaw(port, count, 'CONNECT {"verbose":false,"name":"idle"}\r\nPING\r\n', "PONG\r\n"),
  },
  {
    name: "mosquitto",
    program: () => debian("mosquitto"),
    args: (port, folder) => {
      const config = join(folder, "mosquitto.conf");
      writeFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\n`);
      return ["-c", config];
    },
    connect: (port, count) => connectRaw(port, count, mqttConnect, "\x20\x02\x00\x00"),
  },
];

const { values } = parseArgs({ options: { clients: { type: "string", default: "1000" } } });
const clients = Number(values.clients);
if (!Number.isSafeInteger(clients) || clients < 1) {
  console.error("bench: --clients must be a whole number above 0");
  process.exit(1);
}
if (process.platform !== "linux") {
  console.error("bench: memory is read from /proc, which only Linux has");
  process.exit(1);
}
await setupOrExit();

const folder = mkdtempSync(join(tmpdir(), "netsvc-bench-"));
try {
  console.log(row("server", "version", "idle", "own", `${clients} clients`, "own", "per client"));
  for (const candidate of CANDIDATES) console.log(await measure(candidate));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(process.exitCode ?? 0);

/** @param {Candidate} candidate */
async function measure({ name, program, args, connect }) {
  const path = await program();
  if (path === undefined) return row(name, "not there, left out");
  const port = await freePort();
  const server = await startServer(path, args(port, folder), port);
  try {
    const idle = await settledMemory(server.pid);
    const close = await connect(port, clients);
    const busy = await settledMemory(server.pid);
    await close();
    const each = `${((busy.rss - idle.rss) / clients).toFixed(1)} KiB`;
    const sizes = [idle.rss, idle.own, busy.rss, busy.own].map((size) => `${size} KiB`);
    return row(name, await version(path), ...sizes, each);
  } finally {
    await server.stop();
  }
}

/** @param {readonly string[]} cells */
function row(...cells) {
  return cells.map((cell, index) => (index < 2 ? cell.padEnd(14) : cell.padStart(13))).join("");
}

/** @param {string} path */
async function version(path) {
  for (const flag of ["--version", "-h"]) {
    const { stdout } = await run(path, [flag], { quiet: true });
    const found = /\d+\.\d+\.\d+/.exec(stdout);
    if (found !== null) return found[0];
  }
  return "";
}

/** The release build, made if sources changed. */
async function netsvcd() {
  const args = ["build", "--release", "-p", "netsvc-hub", "--message-format", "json"];
  const { code, stdout, stderr } = await run("cargo", args, { quiet: true });
  if (code !== 0) throw new Error(stderr);
  return /"executable":"([^"]+netsvcd)"/.exec(stdout)?.[1];
}

/**
 * A program of a Debian package of the same name, installed if this may be done here.
 * @param {string} name
 */
async function debian(name) {
  const path = `/usr/sbin/${name}`;
  const found = () => [path, `/usr/bin/${name}`].find((file) => existsSync(file));
  if (found() === undefined && process.getuid?.() === 0) {
    console.error(`bench: installing ${name} (apt-get)`);
    const args = ["install", "--yes", "--no-install-recommends", name];
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    await run("apt-get", args, { env, quiet: true });
    // It is to be measured here, not to be a service of this machine.
    if (existsSync("/run/systemd/system")) {
      await run("systemctl", ["disable", "--now", name], { quiet: true });
    }
  }
  return found();
}

/**
 * @param {number} port
 * @param {number} count
 */
async function connectNetsvc(port, count) {
  const { EXCHANGE_CLIENT, Exchange, Registry } = await import("../dist/index.js");
  /** @type {import("../dist/index.js").Registry[]} */
  const registries = [];
  const links = Array.from({ length: count }, (_, index) => {
    const registry = new Registry({ label: `idle:${index}` });
    registries.push(registry);
    return new Exchange(EXCHANGE_CLIENT, { registry }).connect("127.0.0.1", port, 1);
  });
  await Promise.all(links.map((link) => link.ready));
  return async () => {
    await Promise.all(registries.map((registry) => registry.close({ drain: 1 })));
  };
}

/**
 * Clients of another protocol: one greeting, one answer.
 * @param {number} port
 * @param {number} count
 * @param {string | ((index: number) => string)} greeting
 * @param {string} answer
 */
async function connectRaw(port, count, greeting, answer) {
  /** @type {import("node:net").Socket[]} */
  const sockets = [];
  for (let index = 0; index < count; index++) {
    const socket = openSocket(port, "127.0.0.1");
    sockets.push(socket);
    await new Promise((resolve, reject) => {
      let received = "";
      socket.setEncoding("latin1").on("data", (text) => {
        received += text;
        if (received.includes(answer)) resolve(undefined);
      });
      socket.on("error", reject);
      socket.on("close", () => reject(new Error(`closed after ${JSON.stringify(received)}`)));
      socket.write(typeof greeting === "string" ? greeting : greeting(index), "latin1");
    });
  }
  return async () => {
    for (const socket of sockets) socket.destroy();
  };
}

/**
 * CONNECT of MQTT 3.1.1 with a clean session and without keep-alive.
 * @param {number} index
 */
function mqttConnect(index) {
  const id = `idle${index}`;
  const head = "\x00\x04MQTT\x04\x02\x00\x00";
  const body = `${head}\x00${String.fromCharCode(id.length)}${id}`;
  return `\x10${String.fromCharCode(body.length)}${body}`;
}
