import type { Statistics } from "./statistics.js";

/** What `rules` offers; types only, shared by it and its users. */
export interface Rules {
  methods: {
    /** The subjects there are statistics of. */
    subjects(): string[];
    /**
     * Statistics of the last minute, of one subject or of all. Fails with `unknown-subject` if
     * nothing was heard of that subject.
     */
    statistics(subject?: string): SubjectStatistics[];
  };
  /** The alarm of a subject is kept while it stands, so that whoever comes later sees it, too. */
  reports: { [subject: `alarm.${string}`]: Alarm };
}

export interface SubjectStatistics extends Statistics {
  subject: string;
}

export interface Alarm {
  subject: string;
  /** `silent`: cleared because no values come any more. */
  state: "raised" | "cleared" | "silent";
  /** The value that made the difference. */
  value: number;
  /** The limit that it crossed. */
  limit: number;
}
