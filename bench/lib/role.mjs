// What every role process runs: `node role.mjs PEER ROLE OPTIONS`. See child.mjs for how it talks.

import { loadPeer } from "../peers/index.mjs";

/** @typedef {Record<string, (options: any) => unknown>} Commands */

const [name = "", role = "", options = "{}"] = process.argv.slice(2);

/** @param {object} message */
const say = (message) => void process.stdout.write(`${JSON.stringify(message)}\n`);

/** @type {Commands} */
let commands = {};

let received = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (text) => {
  const lines = (received + text).split("\n");
  received = lines.pop() ?? "";
  for (const line of lines) handle(JSON.parse(line));
});
// The driver is gone: so is the reason to be here.
process.stdin.on("end", () => process.exit());

/** @param {{ id?: number, do?: string }} message */
async function handle({ id, do: command = "told", ...rest }) {
  try {
    const result = await commands[command]?.(rest);
    if (id !== undefined) say({ id, result: result ?? null });
  } catch (error) {
    say({ id: id ?? -1, error: error instanceof Error ? error.stack : String(error) });
  }
}

try {
  const [peer, { start }] = await Promise.all([loadPeer(name), import(`./roles/${role}.mjs`)]);
  commands = (await start(peer, JSON.parse(options), say)) ?? {};
  say({ id: 0, result: null });
} catch (error) {
  say({ id: 0, error: error instanceof Error ? error.stack : String(error) });
}
