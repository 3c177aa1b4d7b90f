import type { ListFolder, ReadText } from "../../examples/gateway/sensors/sensor.js";

/** The files of a machine that exists only here, by path; they may change between two readings. */
export class MachineFiles {
  readonly files: Record<string, string>;

  constructor(files: Record<string, string> = {}) {
    this.files = files;
  }

  readonly read: ReadText = async (path) => this.files[path];

  readonly list: ListFolder = async (folder) => {
    const inside = Object.keys(this.files)
      .filter((path) => path.startsWith(`${folder}/`))
      .map((path) => path.slice(folder.length + 1).split("/")[0] ?? "");
    return inside.length === 0 ? undefined : [...new Set(inside)].sort();
  };
}
