// The hub in this Node process, for where netsvcd is not there or not wanted. It does what netsvcd
// does, except for telling systemd that it is ready and alive.

import { EXCHANGE_SERVER, Exchange } from "../exchange.js";
import { Registry } from "../registry.js";
import { type Place, showAddress, showPlace } from "./address.js";
import { loadConfig } from "./config-file.js";
import { HubLog } from "./hub-log.js";
import { type HubOptions, type HubSettings, settingsOf } from "./hub-options.js";
import { VERSION } from "./version.js";

/** Exit codes, as those of netsvcd. */
export const EXIT = { stopped: 0, unable: 1, usage: 2 } as const;

/** A running hub. */
interface Running {
  readonly exchange: Exchange;
  readonly registry: Registry;
  readonly log: HubLog;
  settings: HubSettings;
}

/**
 * Runs until a signal ends it; resolves with the exit code. `missing` says why netsvcd does not run
 * instead; empty: it was not wanted.
 */
export async function runEmbedded(
  settings: HubSettings,
  source: { config: string | undefined; options: HubOptions },
  missing: string,
): Promise<number> {
  const log = new HubLog(settings.logLevel, settings.logFormat);
  if (missing !== "") log.write("info", "embedded", `running in Node: ${missing}`);
  const { label, group, heartbeat, limits } = settings;
  const registry = new Registry({ label, limits, log: "off" });
  const exchange = new Exchange(EXCHANGE_SERVER, { group, heartbeat, registry });
  exchange.on("active", (event) => log.active(event));
  exchange.on("inactive", (event) => log.inactive(event));
  exchange.on("attemptFailed", (event) => log.refused(event));
  const hub: Running = { exchange, registry, log, settings };

  const stopped = new Promise<number>((resolve) => {
    let stopping = false;
    const stop = (signal: NodeJS.Signals) => {
      if (stopping) resolve(EXIT.stopped);
      else void end(hub, signal).then(resolve);
      stopping = true;
    };
    process.on("SIGTERM", stop).on("SIGINT", stop);
  });
  process.on("SIGHUP", () => reload(hub, source));

  try {
    const addresses = (
      await Promise.all(settings.places.map((place) => listen(hub, place)))
    ).flat();
    tellStart(hub, addresses);
  } catch {
    await registry.close({ drain: 0 });
    return EXIT.unable;
  }
  return stopped;
}

/** Resolves with the addresses; logs and throws when it fails. */
async function listen({ exchange, log }: Running, place: Place): Promise<string[]> {
  try {
    if ("path" in place) return [(await exchange.listen(place)).path];
    const { port, ...options } = place;
    const bound = await exchange.listen(port, options);
    return bound.hosts.map((each) => showAddress(each, bound.port));
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    log.write("error", "listen", message, { place: showPlace(place), reason: code });
    throw error;
  }
}

function tellStart({ registry, log, settings }: Running, addresses: readonly string[]): void {
  const { label, group } = settings;
  const message = `netsvc hub ${VERSION} listens on ${addresses.join(", ")} as ${label}, in Node`;
  const details = { version: VERSION, pid: process.pid, process: registry.id, label, group };
  log.write("info", "start", message, { ...details, addresses });
  if (process.env.NOTIFY_SOCKET) {
    log.write("warn", "notify", "only netsvcd tells systemd that it is ready: use Type=exec");
  }
}

async function end({ registry, log, settings }: Running, signal: string): Promise<number> {
  log.write("info", "stop", `stopping because of ${signal}`, { signal });
  await registry.close({ drain: settings.drain });
  log.write("info", "stopped", "stopped");
  return EXIT.stopped;
}

function reload(
  hub: Running,
  { config, options }: { config: string | undefined; options: HubOptions },
): void {
  const { log, settings: old } = hub;
  let read: HubSettings;
  try {
    if (config === undefined) throw new Error("the hub was started without --config");
    read = settingsOf(options, loadConfig(config));
  } catch (error) {
    log.write("error", "reload", `nothing was reloaded: ${(error as Error).message}`);
    return;
  }
  const known = new Set(old.places.map(showPlace));
  const wanted = new Set(read.places.map(showPlace));
  const added = read.places.filter((place) => !known.has(showPlace(place)));
  const applied = [
    ...(old.logLevel === read.logLevel ? [] : ["log-level"]),
    ...(old.logFormat === read.logFormat ? [] : ["log-format"]),
    ...(old.drain === read.drain ? [] : ["drain"]),
    ...(added.length === 0 ? [] : ["listen or socket (a place was added)"]),
  ];
  const refused = [
    ...([...known].every((place) => wanted.has(place))
      ? []
      : ["listen or socket (a place was removed)"]),
    ...(["group", "label", "heartbeat", "limits"] as const).filter(
      (name) => JSON.stringify(old[name]) !== JSON.stringify(read[name]),
    ),
  ];
  log.level = read.logLevel;
  log.format = read.logFormat;
  hub.settings = {
    ...old,
    places: [...old.places, ...added],
    drain: read.drain,
    logLevel: read.logLevel,
    logFormat: read.logFormat,
  };
  const none = "nothing that can be reloaded has changed";
  log.write("info", "reload", applied.length === 0 ? none : `reloaded ${applied.join(", ")}`);
  if (refused.length > 0) {
    const names = refused.join(", ");
    log.write("warn", "reload", `${names} take effect with the next start only`);
  }
  for (const place of added) void listenAsWell(hub, place);
}

async function listenAsWell(hub: Running, place: Place): Promise<void> {
  try {
    const addresses = await listen(hub, place);
    const message = `listening on ${addresses.join(", ")} as well`;
    hub.log.write("info", "listen", message, { addresses });
  } catch {
    // It was logged; a further reload may try again.
    const places = hub.settings.places.filter((other) => other !== place);
    hub.settings = { ...hub.settings, places };
  }
}
