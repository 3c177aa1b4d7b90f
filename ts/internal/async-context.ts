// The asynchronous context (AsyncLocalStorage) of what the application has called here. What one
// caller's handler enters is nothing to the next: it may be who that caller is.
//
// Node before 24 keeps stores in the resource that is being executed. What code enters stays there
// for whatever is executed in the same resource later, so everything gets a resource of its own.

import { AsyncResource } from "node:async_hooks";

const TYPE = "netsvc";
/** Without stores, whatever this module was loaded in. */
const empty = emptied(new AsyncResource(TYPE));
/** Whether a resource keeps what is entered while it is executed. */
const keeps = keepsStores(process.versions);

/** Runs `callback` in a context of its own, which begins as a copy of the current one. */
export function apart<A extends unknown[], R>(callback: (...args: A) => R, ...args: A): R {
  return new AsyncResource(TYPE).runInAsyncScope(callback, undefined, ...args);
}

/** Runs `callback` in a context of its own, which begins without any store. */
export function inEmptyContext<R>(callback: () => R): R {
  return empty.runInAsyncScope(apart<[], R>, undefined, callback);
}

/** A function that runs `callback` in the context that is current now, each time anew. */
export function inContextOfNow<T, R>(callback: (argument: T) => R): (argument: T) => R {
  const resource = new AsyncResource(TYPE);
  return keeps
    ? (argument) => resource.runInAsyncScope(apart<[T], R>, undefined, callback, argument)
    : (argument) => resource.runInAsyncScope(callback, undefined, argument);
}

/** Takes the stores that it was made with from a resource. */
function emptied(resource: AsyncResource): AsyncResource {
  const properties = resource as unknown as Record<symbol, unknown>;
  for (const symbol of Object.getOwnPropertySymbols(resource)) {
    // Where Node keeps them: in 20 and 22, one for each AsyncLocalStorage, and from 24 on.
    if (symbol.description === "kResourceStore") delete properties[symbol];
    if (symbol.description === "context_frame") properties[symbol] = undefined;
  }
  return resource;
}

function keepsStores(versions: Readonly<Record<string, string | undefined>>): boolean {
  const isNode = versions.bun === undefined && versions.deno === undefined;
  return isNode && Number.parseInt(versions.node ?? "", 10) < 24;
}
