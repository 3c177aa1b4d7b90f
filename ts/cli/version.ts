import { createRequire } from "node:module";

/** Of this package. package.json is as far away from dist/cli as from ts/cli. */
export const VERSION: string = createRequire(import.meta.url)("../../package.json").version;
