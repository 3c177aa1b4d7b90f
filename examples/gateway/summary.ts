import type { Told } from "./channel.js";
import { addCounts, noCounts } from "./counts.js";

/** What the parts told of, added up over all their lives. */
export class Summary {
  readonly counts = noCounts();
  /** Times a part was started again. */
  restarts = 0;
  /** Names by identity. */
  readonly #services = new Map<string, string>();

  add({ counts, services }: Told): void {
    addCounts(this.counts, counts);
    for (const { name, identity } of services) this.#services.set(identity, name);
  }

  /** Whether anything worked: a service was seen and a report arrived. */
  get anything(): boolean {
    return this.#services.size > 0 && this.counts.received > 0;
  }

  lines(seconds: number): string[] {
    const { published, received, missed, requests, failures, reconnects } = this.counts;
    const names = [...new Set(this.#services.values())].sort().map((name) => {
      const times = [...this.#services.values()].filter((other) => other === name).length;
      return times === 1 ? name : `${name} ${times} times`;
    });
    return [
      `Summary of ${seconds.toFixed(1)} seconds:`,
      `  services seen: ${this.#services.size}${names.length === 0 ? "" : ` (${names.join(", ")})`}`,
      `  reports: ${received} received (${published} published, ${missed} missed)`,
      `  requests: ${requests}`,
      `  failures: ${failures}`,
      `  reconnects: ${reconnects}`,
      `  restarts: ${this.restarts}`,
    ];
  }
}
