/**
 * Something of this machine that can be read again and again. What it returns is ready to be
 * published: subjects with their values, none if there is nothing to tell (yet).
 */
export interface Sensor {
  /** For people: "cpu", "memory", … */
  readonly name: string;
  read(): Promise<ReadonlyMap<string, number>>;
}

/** How a sensor reads a file; the tests have their own. Undefined: there is no such file here. */
export type ReadText = (path: string) => Promise<string | undefined>;

/** How a sensor lists a folder. Undefined: there is no such folder here. */
export type ListFolder = (path: string) => Promise<readonly string[] | undefined>;
