/** A service as a registry knows it at one moment; a snapshot that does not change any more. */
export interface ServiceInfo {
  /** Names need not be unique. */
  readonly name: string;
  /**
   * Process id and counter. Survives reconnects and restarts of the hub, never a restart of the
   * service's process.
   */
  readonly identity: string;
  /** `"*"` everybody, `""` its own process only, else an exchange group. */
  readonly audience: string;
  /** Service groups, in the order joined. */
  readonly groups: readonly string[];
  readonly methods: readonly string[];
  /** Id of its process, 32 hexadecimal digits. */
  readonly process: string;
  /** Label of its process, by default `host:pid`. */
  readonly label: string;
  /** It belongs to this registry. */
  readonly local: boolean;
  /** Exchange group over which it was learned; `undefined` when local. */
  readonly exchangeGroup: string | undefined;
}

/** Stands where no service is meant. */
export const NO_SERVICE: ServiceInfo = Object.freeze({
  name: "",
  identity: "",
  audience: "",
  groups: Object.freeze([]),
  methods: Object.freeze([]),
  process: "",
  label: "",
  local: false,
  exchangeGroup: undefined,
});
