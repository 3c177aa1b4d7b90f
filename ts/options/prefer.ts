/** Who is asked first by a name: those of the own process, or whoever has least to do. */
export type Prefer = "local" | "any";

/** Checks the option `prefer` of a request. */
export function preferred(prefer: Prefer | undefined): Prefer {
  if (prefer === undefined || prefer === "local" || prefer === "any") return prefer ?? "local";
  throw new RangeError(`prefer must be "local" or "any", not ${JSON.stringify(prefer)}`);
}
