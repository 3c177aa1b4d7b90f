import { readdir, readFile } from "node:fs/promises";

/**
 * The text of a file of /proc or /sys. Undefined when it cannot be read, for whatever reason: a
 * kernel without it, no permission, a sensor that was unplugged, another operating system.
 */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return undefined;
  }
}

/** The names in a folder, sorted; undefined when it cannot be listed. */
export async function listFolder(path: string): Promise<readonly string[] | undefined> {
  try {
    return (await readdir(path)).sort();
  } catch {
    return undefined;
  }
}
