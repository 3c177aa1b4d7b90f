// Node's own timers and clock, whatever an application puts in their place later: with the fake
// timers of a test a registry would never close, and with a fake clock no deadline be kept.

export const setTimeout: typeof globalThis.setTimeout = globalThis.setTimeout;
export const clearTimeout: typeof globalThis.clearTimeout = globalThis.clearTimeout;
export const setImmediate: typeof globalThis.setImmediate = globalThis.setImmediate;
export const queueMicrotask: typeof globalThis.queueMicrotask = globalThis.queueMicrotask;
export const hrtime: typeof process.hrtime = process.hrtime;
export const nextTick: typeof process.nextTick = process.nextTick;
