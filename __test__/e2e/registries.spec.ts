// Several registries in one process are several processes to everybody else.
// The word "process" of the design; promises 8 (two processes of one host and pid are distinct), 9,
// 14 (the own process is the own registry).

import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { useProcesses } from "../helpers/processes.js";

const processes = useProcesses();

describe("registries of one process", () => {
  it("have ids and labels of their own and see each other over exchanges only (8, 9)", async () => {
    const process = await processes.start("registries", { clients: 3 });
    const { ids, pid } = process.ready as unknown as { ids: string[]; pid: number };
    expect(new Set(ids).size).toBe(4);
    const label = `${hostname().slice(0, 200)}:${pid}`;
    expect(await process.ask("seen")).toEqual({
      [label]: ["hub"],
      [`${label}#2`]: ["service 1"],
      [`${label}#3`]: ["service 2"],
      [`${label}#4`]: ["service 3"],
    });
    await process.ask("connect");
    const all = ["hub", "service 1", "service 2", "service 3"];
    expect(await process.ask("seen")).toEqual({
      ...{ [label]: all, [`${label}#2`]: all, [`${label}#3`]: all, [`${label}#4`]: all },
    });
    expect(await process.ask("callAll")).toEqual([]);
  });

  it("end one by one, and the process ends with the last (6, 9)", async () => {
    const process = await processes.start("registries", { clients: 2 });
    await process.ask("connect");
    const user = await processes.start("client", { port: process.port });
    await user.ask("watch", { filter: "service 1" });
    await user.event("change", ({ status }) => status === "available");
    await process.ask("closeFirst");
    await user.event("change", ({ status }) => status === "withdrawn");
    const [, , second] = process.ready.ids as string[];
    expect(await user.ask("call", { service: "service 2", method: "whoami" })).toBe(second);
    process.end();
    expect(await process.exit()).toEqual({ code: 0, signal: null });
    expect(process.stderr).toBe("");
  });
});
