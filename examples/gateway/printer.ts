// Shows what happens, in plain lines: services and links as they come and go, alarms, and once a
// second the last values together with an answer of rules.

import { RequestError, registry, type ServiceInfo } from "netsvc";
import { connectToHub } from "./connection.js";
import { formatLatency, formatTime, formatValue } from "./format.js";
import { counted, endWhenTold, serviceSeen } from "./life.js";
import { LinkLines } from "./link-lines.js";
import { patience } from "./patience.js";
import type { Rules, SubjectStatistics } from "./rules-api.js";
import { ServiceLines } from "./service-lines.js";
import type { Telemetry } from "./telemetry-api.js";
import { valueLine } from "./value-line.js";

/** In seconds. While an answer is missing, no values are shown: something stands still. */
const TIMEOUT = patience(2);

const values = new Map<string, number>();
const rules = registry.service<Rules>("rules");
const serviceLines = new ServiceLines();
let reports = 0;
let rulesSeen = false;

function print(mark: "+" | "-" | "=" | "!" | " ", text: string): void {
  process.stdout.write(`${formatTime(new Date())} ${mark} ${text}\n`);
}
// Nobody reads any more. The starter finds out for itself.
process.stdout.on("error", () => process.exit(1));

const exchange = connectToHub();
const linkLines = new LinkLines();
exchange.on("active", (event) => print("=", linkLines.active(event)));
exchange.on("inactive", (event) => print("=", linkLines.inactive(event)));
exchange.on("attemptFailed", (event) => {
  const line = linkLines.attemptFailed(event);
  if (line !== undefined) print("=", line);
});

registry.watch(undefined, ({ status, service }) => {
  if (status === "available") {
    print("+", serviceLines.available(service));
    serviceSeen(service.name, service.identity);
    if (service.name === "rules") rulesSeen = true;
    if (service.name === "telemetry") void showSources(service);
  } else if (status === "withdrawn") {
    print("-", serviceLines.withdrawn(service));
    if (service.name === "telemetry") values.clear();
  }
});

registry.subscribe<Telemetry>("telemetry", "*", (report) => {
  reports += 1;
  counted.received += 1;
  counted.missed += report.missed;
  values.set(report.subject, report.content);
});

registry.subscribe<Rules>("rules", "alarm.*", (report) => {
  counted.received += 1;
  counted.missed += report.missed;
  const { subject, state, value, limit } = report.content;
  if (state === "silent") {
    print("!", `alarm over: nothing is heard of ${subject} any more`);
    return;
  }
  const what = state === "raised" ? (report.replayed ? "stands" : "raised") : "over";
  const than = state === "raised" ? "limit" : "below";
  const [is, bound] = [formatValue(subject, value), formatValue(subject, limit)];
  print("!", `alarm ${what}: ${subject} was ${is} (${than} ${bound})`);
});

let shown = Promise.resolve();
let showing = false;
const timer = setInterval(() => {
  if (!showing) shown = showValues();
}, 1000);

endWhenTold(async () => {
  clearInterval(timer);
  await shown;
});

async function showValues(): Promise<void> {
  showing = true;
  const rate = `${reports} reports/s`;
  reports = 0;
  const answer = rulesSeen ? await askRules() : "rules not seen yet";
  print(" ", [valueLine(values), rate, answer].join(" | "));
  showing = false;
}

async function askRules(): Promise<string> {
  const start = performance.now();
  const statistics = await request("rules.statistics", () =>
    rules.call("statistics", [], { timeout: TIMEOUT }),
  );
  if (statistics === undefined) return "rules did not answer";
  return `rules: ${describe(statistics)} (in ${formatLatency(performance.now() - start)})`;
}

function describe(statistics: SubjectStatistics[]): string {
  const cpu = statistics.find(({ subject }) => subject === "cpu.total");
  if (cpu === undefined) return `${statistics.length} subjects`;
  const [mean, max] = [cpu.mean, cpu.max].map((value) => formatValue("cpu.total", value));
  return `cpu mean ${mean} max ${max} of ${cpu.count}`;
}

/** Asks this very process, not whoever else is called telemetry. */
async function showSources({ identity }: ServiceInfo): Promise<void> {
  const telemetry = registry.service<Telemetry>({ identity });
  const sources = await request("telemetry.sources", () =>
    telemetry.call("sources", [], { timeout: TIMEOUT }),
  );
  if (sources === undefined) return;
  const missing = sources.missing.length === 0 ? "" : `, not here: ${sources.missing.join(", ")}`;
  print(" ", `telemetry reads ${sources.readable.join(", ")}${missing}`);
}

/** Counts a request, and shows its failure. A failed request is an answer, too: it never hangs. */
async function request<T>(what: string, call: () => Promise<T>): Promise<T | undefined> {
  const start = performance.now();
  counted.requests += 1;
  try {
    return await call();
  } catch (error) {
    counted.failures += 1;
    const after = formatLatency(performance.now() - start);
    const why =
      error instanceof RequestError ? `${error.code}, delivered: ${error.delivered}` : `${error}`;
    print("!", `request ${what} failed after ${after}: ${why}`);
    return undefined;
  }
}
