// Many registries, many services, and a hub that dies again and again.

import { describe, expect, it } from "vitest";
import { freePort } from "../helpers/ports.js";
import { useProcesses } from "../helpers/processes.js";
import { stretched } from "../helpers/time.mjs";

const processes = useProcesses();
/** The machine may be slow; what is tested is that it ends, and how. */
const PATIENCE = stretched(60_000);

const CROWDS = 4;
const REGISTRIES = 50;
const SERVICES = 20;
const ALL = CROWDS * REGISTRIES * SERVICES;
const REMOTE = ALL - SERVICES;
const RESTARTS = 5;

describe("200 registries of 20 services each", () => {
  it("converge to the same set whenever the hub was killed, each service told once (9, 10, 11)", {
    timeout: 8 * PATIENCE,
  }, async () => {
    const port = await freePort();
    let hub = await processes.start("plain-hub", { port });
    const crowds = await Promise.all(
      Array.from({ length: CROWDS }, (_, n) =>
        processes.start("crowd", {
          ...{ port, crowd: `crowd ${n + 1}`, all: ALL },
          ...{ registries: REGISTRIES, services: SERVICES },
        }),
      ),
    );
    const everyCrowd = (event: string, round: number) =>
      Promise.all(
        crowds.map((crowd) => crowd.event(event, (told) => told.round === round, PATIENCE)),
      );
    const told = () => Promise.all(crowds.map((crowd) => crowd.ask("told", {}, PATIENCE)));
    const all = (each: object) => crowds.map(() => ({ [JSON.stringify(each)]: REGISTRIES }));
    const same = async () => {
      const digests = await Promise.all(
        crowds.map((crowd) => crowd.ask("digests", {}, PATIENCE) as Promise<string[]>),
      );
      expect(new Set(digests.flat()).size).toBe(1);
      expect(digests[0]?.[0]).toMatch(new RegExp(`^${ALL} `));
      return digests[0]?.[0];
    };

    await everyCrowd("full", 1);
    const first = await same();
    expect(await told()).toEqual(all({ available: REMOTE, withdrawn: 0, other: 0, lost: 0 }));
    for (let restart = 1; restart <= RESTARTS; restart++) {
      hub.kill();
      await everyCrowd("empty", restart);
      hub = await processes.start("plain-hub", { port });
      await everyCrowd("full", restart + 1);
      expect(await same()).toBe(first);
      expect(await told()).toEqual(
        all({ available: REMOTE, withdrawn: REMOTE, other: 0, lost: 1 }),
      );
    }
  });
});
