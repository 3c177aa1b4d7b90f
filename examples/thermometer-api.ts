/** What a thermometer offers; types only, shared by thermometer.ts and its users. */
export interface Thermometer {
  methods: { read(unit?: "C" | "F"): number };
  reports: { [subject: `temperature.${string}`]: number };
}
