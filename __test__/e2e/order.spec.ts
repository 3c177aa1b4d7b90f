// What one process does arrives at another in the order it was done.
// Promises 3 (`active`), 12 (order), 13 (reports before the first interest set; `flush`).

import { describe, expect, it } from "vitest";
import { type FixtureProcess, useProcesses } from "../helpers/processes.js";

const processes = useProcesses();

async function star() {
  const hub = await processes.start("hub");
  const provider = await processes.start("client", { port: hub.port, label: "provider" });
  const user = await processes.start("client", { port: hub.port, label: "user" });
  await user.event("active");
  await provider.event("active");
  return { hub, provider, user };
}

/** Words for what `user` was told, those of `wanted` only. */
function story(user: FixtureProcess, wanted: RegExp): string[] {
  return user.events
    .map(({ event, status, group, content }) => {
      if (event === "report") return `report ${content}`;
      return group === undefined ? `${status}` : `${status} ${group}`;
    })
    .filter((word) => wanted.test(word));
}

describe("what one process does", () => {
  it("arrives in its order: announcement, reports, groups, withdrawal (12, 13)", async () => {
    const { provider, user } = await star();
    await user.ask("watch", { filter: "meter" });
    await user.ask("subscribe", { target: "meter" });
    const lives = 30;
    for (let life = 1; life <= lives; life++) {
      // Without waiting for anything: the reports follow the announcement at once.
      await Promise.all([
        provider.ask("provide", { name: "meter" }),
        provider.ask("publish", { name: "meter", subject: "n", content: `${life} first` }),
        provider.ask("join", { name: "meter", group: "g" }),
        provider.ask("publish", { name: "meter", subject: "n", content: `${life} second` }),
        provider.ask("leave", { name: "meter", group: "g" }),
        provider.ask("publish", { name: "meter", subject: "n", content: `${life} last` }),
        provider.ask("withdraw", { name: "meter" }),
      ]);
    }
    await user.several("change", lives, ({ status }) => status === "withdrawn");
    await user.event("report", ({ content }) => content === `${lives} last`);
    const each = <T>(tell: (life: number) => T[]) =>
      Array.from({ length: lives }, (_, index) => tell(index + 1)).flat();
    expect(story(user, /^(available|report|withdrawn)/)).toEqual(
      each((life) => [
        "available",
        ...["first", "second", "last"].map((which) => `report ${life} ${which}`),
        "withdrawn",
      ]),
    );
    // A new subscriber's reports are held until the kept values before them have come, so only the
    // changes are compared with each other here.
    expect(story(user, /^(available|joined|left|withdrawn)/)).toEqual(
      each(() => ["available", "joined g", "left g", "withdrawn"]),
    );
  });

  it("has its subscription in force when a handler runs that it called afterwards (12)", async () => {
    const { provider, user } = await star();
    await provider.ask("provide", { name: "meter" });
    await user.ask("waitFor", { name: "meter", timeout: 5 });
    // Each round subscribes to a pattern of its own, calls a method that publishes such a report,
    // and has it when the call returns.
    expect(await user.ask("subscribeThenCall", { service: "meter", times: 300 })).toEqual({
      times: 300,
      early: 300,
    });
  });

  it("has been applied by the hub when `flush` returns (13)", async () => {
    const { hub, provider } = await star();
    for (let n = 1; n <= 20; n++) {
      const identity = await provider.ask("provide", { name: `service ${n}` });
      await provider.ask("flush");
      // What the hub's registry knows now, not what it hears of later.
      expect(await hub.ask("lookup", { filter: `service ${n}` })).toMatchObject([{ identity }]);
    }
  });
});
