// The same over a Unix socket: files instead of ports.
// Promises 3, 4, 6 (typed errors of `listen`), and the API's `{ path }`: mode 0660, a dead socket
// file is replaced, a live one is not.

import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { within } from "../helpers/eventually.js";
import { useProcesses } from "../helpers/processes.js";

const processes = useProcesses();
let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "netsvc-"));
  path = join(folder, "hub.sock");
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe.skipIf(process.platform === "win32")("over a Unix socket", () => {
  it("clients find each other, call, publish, and come back after the hub was killed (3, 4)", async () => {
    const provider = await processes.start("client", { path, label: "provider" });
    await provider.event("attemptFailed"); // there is no such file yet
    const hub = await processes.start("hub", { path });
    expect(hub.ready.path).toBe(path);
    const user = await processes.start("client", { path, label: "user" });
    const identity = await provider.ask("provide", { name: "meter" });
    await user.ask("watch", { filter: "meter" });
    await user.event("change", ({ status }) => status === "available");
    await user.ask("subscribe", { target: "meter" });
    await provider.event("subscribed");
    await provider.ask("publish", { name: "meter", subject: "s", content: 1 });
    await user.event("report");
    expect(
      await user.ask("callAll", { service: "meter", method: "echo", times: 200 }),
    ).toMatchObject({ outcomes: { answered: 200 }, mismatched: 0 });
    expect(await user.event("active")).toMatchObject({ peer: { process: hub.id } });

    hub.kill(); // and its socket file stays
    await user.event("inactive");
    expect(statSync(path).isSocket()).toBe(true);
    await processes.start("hub", { path });
    const [, again] = await user.several("change", 2, ({ status }) => status === "available");
    expect(again).toMatchObject({ identity });
    expect(await user.ask("call", { service: "meter", method: "whoami" })).toBe(provider.id);
  });

  it("the file is for owner and group alone, and goes when the hub closes", async () => {
    const hub = await processes.start("hub", { path });
    expect(statSync(path).mode & 0o777).toBe(0o660);
    hub.end();
    expect(await hub.exit()).toEqual({ code: 0, signal: null });
    expect(() => statSync(path)).toThrow("ENOENT");
  });

  it("a second hub at the path of a live one is refused, and the first goes on (6)", async () => {
    const hub = await processes.start("hub", { path });
    await expect(processes.start("hub", { path })).rejects.toThrow("address-in-use");
    const client = await processes.start("client", { path });
    expect(await client.event("active")).toMatchObject({ peer: { process: hub.id } });
  });

  it("a file that is no socket is left alone (6)", async () => {
    writeFileSync(path, "precious");
    await expect(processes.start("hub", { path })).rejects.toThrow(/ListenError/);
    expect(statSync(path).isFile()).toBe(true);
  });

  it("a live socket of another program is left alone (6)", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(path, resolve));
    try {
      await expect(processes.start("hub", { path })).rejects.toThrow("address-in-use");
      expect(statSync(path).isSocket()).toBe(true);
    } finally {
      await within(new Promise((resolve) => other.close(resolve)));
    }
  });
});
