// Keeps statistics of everything that telemetry reports, answers requests about them, and publishes
// an alarm when a value crosses a limit.

import { availableParallelism } from "node:os";
import { registry, Service, ServiceFailure } from "netsvc";
import { connectToHub } from "./connection.js";
import { counted, endWhenTold } from "./life.js";
import type { Alarm, Rules, SubjectStatistics } from "./rules-api.js";
import { RollingStatistics } from "./statistics.js";
import type { Telemetry } from "./telemetry-api.js";
import { limitsOf, Threshold } from "./threshold.js";

/** Statistics are about the last minute; in seconds. */
const WINDOW = 60;
/** Nothing grows without a bound, whatever a publisher makes up. */
const MAX_SUBJECTS = 1000;

interface Subject {
  readonly statistics: RollingStatistics;
  readonly threshold: Threshold | undefined;
}

const subjects = new Map<string, Subject>();

connectToHub();

const rules = new Service<Rules>("rules", {
  groups: ["gateway"],
  methods: {
    subjects: () => [...subjects.keys()],
    statistics: (_context, subject) => {
      const wanted = subject === undefined ? [...subjects.keys()] : [subject];
      const found = wanted.flatMap(statisticsOf);
      if (subject !== undefined && found.length === 0) {
        throw new ServiceFailure("unknown-subject", `nothing was heard of ${subject} lately`);
      }
      return found;
    },
  },
});

// In force whether telemetry exists already or not, and again when it comes back.
registry.subscribe<Telemetry>("telemetry", "*", (report) => {
  counted.received += 1;
  counted.missed += report.missed;
  const { subject, content } = report;
  // Contracts are not checked at run time, and anybody may call himself telemetry.
  if (typeof content !== "number" || !Number.isFinite(content)) return;
  const known = subjects.get(subject) ?? newSubject(subject);
  if (known === undefined) return;
  known.statistics.add(content, now());
  const change = known.threshold?.update(content);
  if (change !== undefined) publishAlarm(subject, change, content);
});

const timer = setInterval(forgetSilent, 1000);

endWhenTold(() => {
  clearInterval(timer);
  rules.close();
});

function newSubject(subject: string): Subject | undefined {
  if (subjects.size >= MAX_SUBJECTS) return undefined;
  const limits = limitsOf(subject, availableParallelism());
  const made = {
    statistics: new RollingStatistics(WINDOW),
    threshold: limits && new Threshold(limits),
  };
  subjects.set(subject, made);
  return made;
}

function statisticsOf(subject: string): SubjectStatistics[] {
  const statistics = subjects.get(subject)?.statistics.at(now());
  return statistics === undefined ? [] : [{ subject, ...statistics }];
}

function publishAlarm(subject: string, state: Alarm["state"], value: number): void {
  const limits = subjects.get(subject)?.threshold?.limits;
  if (limits === undefined) return;
  const limit = state === "raised" ? limits.raise : limits.clear;
  // A lifetime of 0 also removes what was kept: the alarm that is over.
  const lifetime = state === "raised" ? Number.POSITIVE_INFINITY : 0;
  rules.publish(`alarm.${subject}`, { subject, state, value, limit }, { lifetime });
  counted.published += 1;
}

/** Without values there are no statistics, and nobody could clear the alarm. */
function forgetSilent(): void {
  for (const [subject, { statistics, threshold }] of subjects) {
    if (statistics.at(now()) !== undefined) continue;
    if (threshold?.raised) publishAlarm(subject, "silent", Number.NaN);
    subjects.delete(subject);
  }
}

function now(): number {
  return performance.now() / 1000;
}
