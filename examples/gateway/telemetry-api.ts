/** What `telemetry` offers; types only, shared by it and its users. */
export interface Telemetry {
  methods: {
    /** What this machine lets us read, and what not. */
    sources(): { readable: string[]; missing: string[] };
  };
  /**
   * cpu.total and memory.percent in percent, other memory in bytes, load.* in processes, net.* and
   * disk.* in bytes per second, temperature.* in °C.
   */
  reports: { [subject: `${Source}.${string}`]: number };
}

type Source = "cpu" | "memory" | "load" | "net" | "disk" | "temperature";
