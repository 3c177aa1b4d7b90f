// The embedded hub understands command lines and files as netsvcd does: by the same vectors.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { showPlace } from "../../ts/cli/address.js";
import { optionsOf } from "../../ts/cli/config-file.js";
import { parseHubCommand } from "../../ts/cli/hub-command-line.js";
import { type HubOptions, settingsOf } from "../../ts/cli/hub-options.js";

interface Vector {
  text: string;
  arguments: string[];
  options?: unknown;
  error?: string;
}

function vectors(name: string): Vector[] {
  const file = new URL(`../../crates/netsvc-hub/tests/vectors/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8"));
}

function shown(options: HubOptions): object {
  return { ...options, ...(options.listen && { listen: options.listen.map(showPlace) }) };
}

function result(read: () => unknown): { options?: unknown; error?: string } {
  try {
    return { options: read() };
  } catch (error) {
    return { error: (error as Error).message.replace(", --embedded", "") };
  }
}

describe("the options of a hub", () => {
  it.each(vectors("files"))("in a file mean what netsvcd makes of them: $text", (vector) => {
    const { text, ...wanted } = vector;
    expect(result(() => shown(optionsOf(text)))).toEqual(wanted);
  });

  it.each(vectors("command-lines"))("on a command line, too: $arguments", (vector) => {
    const { arguments: args, ...wanted } = vector;
    const read = () => {
      const command = parseHubCommand(args);
      if (command.kind !== "run") return command.kind;
      expect(command.rest).toEqual(args);
      const { config } = command;
      return { ...shown(command.options), ...(config === undefined ? {} : { config }) };
    };
    expect(result(read)).toEqual(wanted);
  });

  it("leave --embedded out of what netsvcd gets", () => {
    const command = parseHubCommand(["--group", "--embedded", "--embedded", "--listen=1"]);
    expect(command).toMatchObject({ embedded: true, options: { group: "--embedded" } });
    expect(command).toMatchObject({ rest: ["--group", "--embedded", "--listen=1"] });
  });

  it("of the command line win over those of the file", () => {
    const file = optionsOf(
      "listen = '1'\ngroup = 'f'\nlabel = 'l'\n[limits]\nlinks = 7\nkept-values = 8\n" +
        "[heartbeat]\ninterval = 1\ndead = 9",
    );
    const command = parseHubCommand(["--socket=/s", "--group=c", "--limit=links=9"]);
    const settings = settingsOf("options" in command ? command.options : {}, file);
    expect(settings).toMatchObject({
      places: [{ path: "/s" }],
      group: "c",
      label: "l",
      limits: { links: 9, keptValues: 8 },
      heartbeat: { interval: 1, dead: 9 },
    });
  });

  it("have the usual port of loopback as their default place, and nowhere is a mistake", () => {
    expect(settingsOf({}, {}).places).toEqual([{ port: 11111 }]);
    expect(() => settingsOf({}, { listen: [] })).toThrow("nowhere to listen");
    expect(() => settingsOf({}, { interval: 5, dead: 5 })).toThrow("heartbeat: ");
  });
});
