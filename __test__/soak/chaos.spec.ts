import { describe, expect, it } from "vitest";
import { chaos } from "../../scripts/soak/chaos.mjs";
import { stretched } from "../helpers/time.mjs";

const SECONDS = 5;
/** Milliseconds: beside other tests there is less of a processor than beside nothing. */
const GRACE = stretched(5000);
/** What a run may take until everybody sees everybody again. */
const PATIENCE = stretched(90_000);

describe("clients under chaos see what netsvc promises", { tags: ["soak"] }, () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])(
    "by the plan of seed %i",
    async (seed) => {
      const { violations, counts } = await chaos({ seed, seconds: SECONDS, grace: GRACE });
      expect(violations).toEqual([]);
      expect(counts.faults).toBeGreaterThan(0);
      expect(counts["calls: result"]).toBeGreaterThan(0);
      expect(counts.reports).toBeGreaterThan(0);
    },
    PATIENCE,
  );
});
