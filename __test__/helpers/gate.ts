import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A file that a busy fixture waits for: `using gate = makeGate()`, `block until gate.path`. */
export function makeGate(): { path: string; open: () => void } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), "netsvc-gate-"));
  const path = join(folder, "open");
  return {
    path,
    open: () => writeFileSync(path, ""),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
