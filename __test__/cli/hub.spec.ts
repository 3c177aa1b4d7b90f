// `netsvc hub`: the embedded hub, and netsvcd in its place.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { EXCHANGE_CLIENT, Exchange, type Link, Registry } from "netsvc";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually, within } from "../helpers/eventually.js";
import { PACKAGE, useInstallations, VERSION } from "../helpers/installation.js";
import { NETSVC, usePrograms } from "../helpers/program.js";

const programs = usePrograms();
let folder: string;
let registries: Registry[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "netsvc-hub-"));
  registries = [];
});
afterEach(async () => {
  await Promise.all(registries.map((registry) => registry.close({ drain: 0 })));
  rmSync(folder, { recursive: true, force: true });
});

function embedded(...args: string[]) {
  return programs.start([NETSVC, "hub", "--embedded", "--log-format=json", ...args]);
}

function connect(path: string, group = ""): Link {
  const registry = new Registry({ label: "a client", log: "off" });
  registries.push(registry);
  return new Exchange(EXCHANGE_CLIENT, { registry, group }).connect({ path, retry: 0.02 });
}

describe("the embedded hub", () => {
  it("listens, tells of links, and ends with 0 at a signal", async () => {
    const path = join(folder, "hub.sock");
    const hub = embedded("--socket", path, "--listen=127.0.0.1:0", "--label=the hub");
    const start = await hub.logged("start");
    expect(start).toMatchObject({ level: "info", version: VERSION, label: "the hub", group: "" });
    expect(start.addresses).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+$/), path]);
    const link = connect(path);
    await within(link.ready);
    expect(await hub.logged("link-active")).toMatchObject({ label: "a client", level: "info" });
    hub.kill("SIGTERM");
    expect(await hub.exit()).toBe(0);
    expect(await hub.logged("stop")).toMatchObject({ signal: "SIGTERM" });
    expect(existsSync(path)).toBe(false);
  });

  it("ends with 1 when a port is taken, and names the place", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const hub = embedded("--listen=127.0.0.1:0", `--listen=127.0.0.1:${port}`);
    expect(await hub.exit()).toBe(1);
    const place = `127.0.0.1:${port}`;
    expect(await hub.logged("listen")).toMatchObject({ reason: "address-in-use", place });
    await new Promise((resolve) => server.close(resolve));
  });

  it("ends with 2 when an option or the file is wrong", async () => {
    const option = embedded("--lisen=1");
    expect(await option.exit()).toBe(2);
    expect(option.stderr).toContain('netsvcd: unknown option "--lisen"; known are --listen, ');
    const config = join(folder, "hub.toml");
    writeFileSync(config, "\nlisen = '1'\n");
    const file = embedded("--config", config);
    expect(await file.exit()).toBe(2);
    expect(file.stderr).toContain(`${config}: line 2: unknown key "lisen"; known are listen, `);
  });

  it("reads its file again at SIGHUP: applies what it can, names what it cannot", async () => {
    const [first, second] = [join(folder, "first.sock"), join(folder, "second.sock")];
    const config = join(folder, "hub.toml");
    writeFileSync(config, `socket = '${first}'\ngroup = 'a'\n`);
    const hub = embedded("--config", config);
    await hub.logged("start");
    const file = `socket = ['${first}', '${second}']\ngroup = 'b'\nlog-level = 'debug'\n`;
    writeFileSync(config, file);
    hub.kill("SIGHUP");
    const applied = await hub.logged("reload", ({ level }) => level === "info");
    expect(applied.message).toBe("reloaded log-level, listen or socket (a place was added)");
    const refused = await hub.logged("reload", ({ level }) => level === "warn");
    expect(refused.message).toBe("group take effect with the next start only");
    await within(connect(second, "a").ready);

    writeFileSync(config, "socket = [");
    hub.kill("SIGHUP");
    const broken = await hub.logged("reload", ({ level }) => level === "error");
    expect(broken.message).toContain("hub.toml: line 1: unclosed array, expected `]`");
    await within(connect(first, "a").ready);
  });

  it("refuses a client of another group and says so", async () => {
    const path = join(folder, "hub.sock");
    const hub = embedded("--socket", path, "--group=plant");
    await hub.logged("start");
    connect(path, "other");
    const refused = await hub.logged("link-refused");
    expect(refused).toMatchObject({ level: "warn", reason: "group-mismatch" });
  });

  it.skipIf(process.platform === "win32")(
    "looks for the service manager as netsvcd does",
    async () => {
      const nowhere = join(folder, "nowhere");
      const args = [NETSVC, "hub", "--embedded", "--log-format=json", "--listen=127.0.0.1:0"];
      const hub = programs.start(args, { env: { ...process.env, NOTIFY_SOCKET: nowhere } });
      const warning = await hub.logged("notify");
      expect(warning).toMatchObject({ level: "warn" });
      expect(warning.message).toContain(nowhere);
      await hub.logged("start");
    },
  );

  it("ends although nobody reads its log", async () => {
    const path = join(folder, "hub.sock");
    const args = [NETSVC, "hub", "--embedded", "--socket", path, "--log-level=debug"];
    const hub = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
    try {
      const ended = once(hub, "exit");
      // In the event itself: after it Node throws away what nobody reads.
      const log = new Promise<string>((resolve) => {
        hub.once("exit", () => resolve(text(hub.stderr)));
      });
      await eventually(() => existsSync(path));
      // Each is worth a line of more than 64 bytes: more than the pipe and the hub's queue hold.
      for (let refused = 0; refused < 5000; ) {
        const socket = createConnection(path);
        try {
          await once(socket, "connect");
          refused++;
        } catch {
          // The file is there just before it listens; and a backlog that is full refuses at once.
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        socket.destroy();
      }
      hub.kill("SIGTERM");
      expect(await within(ended)).toEqual([0, null]);
      expect(await log).toContain("listens on");
      expect(await log).not.toContain("stopping");
    } finally {
      hub.kill("SIGKILL");
    }
  });
});

// Stand-ins for netsvcd are scripts for a shell.
describe.skipIf(process.platform === "win32")("netsvcd in the package of the platform", () => {
  const installations = useInstallations();
  const standIn = (script: string, version = VERSION) =>
    `#!/bin/sh\nif [ "$1" = --version ]; then echo netsvcd ${version}; exit; fi\n${script}`;
  const TALKER = standIn('for arg; do echo "<$arg>"; done\nexit 5\n');
  const WAITER = standIn(
    "trap 'echo hup' HUP\ntrap 'exit 6' TERM\necho waiting\nwhile :; do sleep 0.02; done\n",
  );
  /** Of no processor that there is. */
  const FOREIGN = `\u007fELF\u0002\u0001\u0001${"\0".repeat(9)}\u0002\0\u7f7f\u0001${"\0".repeat(40)}`;

  it("runs with the same arguments but --embedded, and its exit code is the program's", async () => {
    const { program, folder } = installations.make().add(PACKAGE, VERSION, { netsvcd: TALKER });
    const args = ["hub", "--listen", "1", "--group=a b"];
    const hub = programs.start([program, ...args], { cwd: folder });
    expect(await hub.exit()).toBe(5);
    expect(hub.stdout).toBe("<--listen>\n<1>\n<--group=a b>\n");
  });

  it("gets the signals that the program gets", async () => {
    const { program } = installations.make().add(PACKAGE, VERSION, { netsvcd: WAITER });
    const hub = programs.start([program, "hub"]);
    await eventually(() => hub.stdout === "waiting\n");
    hub.kill("SIGHUP");
    await eventually(() => hub.stdout === "waiting\nhup\n");
    hub.kill("SIGTERM");
    expect(await hub.exit()).toBe(6);
  });

  it.each([
    ["is of another version", standIn("", "0.0.1"), 0o755, /is of version 0\.0\.1, not /],
    ["may not be executed", TALKER, 0o644, /may not be executed/],
    ["is for another processor", FOREIGN, 0o755, /does not run here: /],
    ["lacks its loader", "#!/nowhere/ld-linux.so\n", 0o755, /does not run here: /],
    ["is something else", "#!/bin/sh\necho hello\n", 0o755, /does not run here: it is not netsvcd/],
    ["ends at once", "#!/bin/sh\nexit 127\n", 0o755, /does not run here: /],
  ])("is passed over for the embedded hub when it %s", async (_, netsvcd, mode, reason) => {
    const installation = installations.make().add(PACKAGE, VERSION, { netsvcd }).addAddon();
    chmodSync(join(installation.folder, "node_modules", PACKAGE, "netsvcd"), mode);
    const path = join(folder, "hub.sock");
    const args = [installation.program, "hub", "--log-format=json", "--socket", path];
    const hub = programs.start(args);
    expect((await hub.logged("embedded")).message).toMatch(reason);
    await hub.logged("start");
    hub.kill("SIGINT");
    expect(await hub.exit()).toBe(0);
  });

  it("is passed over with --embedded", async () => {
    const installation = installations.make().add(PACKAGE, VERSION, { netsvcd: TALKER }).addAddon();
    const path = join(folder, "hub.sock");
    const args = [installation.program, "hub", "--embedded", "--log-format=json", "--socket", path];
    const hub = programs.start(args);
    await hub.logged("start");
    expect(hub.stderr).not.toContain('"embedded"');
  });
});

describe("the program", () => {
  it("prints help and its version, and says which commands there are", async () => {
    const version = programs.start([NETSVC, "--version"]);
    expect(await version.exit()).toBe(0);
    expect(version.stdout).toBe(`netsvc ${VERSION}\n`);
    const help = programs.start([NETSVC, "hub", "--help"]);
    expect(await help.exit()).toBe(0);
    expect(help.stdout).toContain("--embedded");
    const unknown = programs.start([NETSVC, "hubb"]);
    expect(await unknown.exit()).toBe(2);
    expect(unknown.stderr).toContain('there is no command "hubb"');
  });
});
