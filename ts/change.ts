import type { ServiceInfo } from "./service-info.js";

/**
 * `available`, `withdrawn` (no longer reachable from here), `joined`, `left` (a service group);
 * `current`: everything that existed has been told; `reset`: the watch fell more than 4,096 changes
 * behind, forget everything, a new replay follows.
 */
export type ChangeStatus = "available" | "withdrawn" | "joined" | "left" | "current" | "reset";

/** One change of a registry. */
export interface Change {
  readonly status: ChangeStatus;
  /** The service; for `current` and `reset` one whose name and identity are empty. */
  readonly service: ServiceInfo;
  /** The service group of `joined` and `left`. */
  readonly group: string | undefined;
  /** It tells what existed already. */
  readonly replayed: boolean;
  /** Counts the changes of this registry; the same for all watches. */
  readonly revision: number;
}
