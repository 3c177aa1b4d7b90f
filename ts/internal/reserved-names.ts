// Names that JavaScript, Node and common libraries look up on any object that they are given, and
// call if they find a function. A remote method behind one of them would be called by a log, a
// comparison or an `await`.

/** As methods of a handle they are reached by `call` and `stream` alone. */
export const RESERVED_NAMES = [
  // The language: await, JSON, text and numbers.
  "then",
  "toJSON",
  "toString",
  "toLocaleString",
  "valueOf",
  "constructor",
  "hasOwnProperty",
  "isPrototypeOf",
  "propertyIsEnumerable",
  // Printing, as Node did and Chai does.
  "inspect",
  // Comparing and printing in Jest, Vitest, Jasmine and Sinon.
  "asymmetricMatch",
  "toAsymmetricMatcher",
  "getExpectedType",
  "jasmineMatches",
  "jasmineToString",
  "isSinonProxy",
  "_isMockFunction",
  "getMockName",
  // What looks like an element of a document, for the same.
  "nodeType",
  "nodeName",
  "tagName",
  "hasAttribute",
  "isEqualNode",
  "cloneNode",
  // Serializing in drivers of databases.
  "toBSON",
  "toPostgres",
  "toSqlString",
] as const;

/** One of them, or one that begins as React's, Immutable's and the language's own marks do. */
export type ReservedName =
  | (typeof RESERVED_NAMES)[number]
  | `$$${string}`
  | `@@${string}`
  | `__${string}`;

const names: ReadonlySet<string> = new Set(RESERVED_NAMES);

/** Whether a name is reserved. */
export function isReserved(name: string): boolean {
  return names.has(name) || /^(?:\$\$|@@|__)/.test(name);
}
