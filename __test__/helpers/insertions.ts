/**
 * Calls `work`, and counts for each number, bigint and text of up to ten digits that came into a
 * Map or Set how many of these it held before. Whoever chooses them can choose their hashes, and
 * each of those before is then a step of V8's look-up.
 */
export function stepsOf(work: () => void): number {
  let steps = 0;
  const held = new WeakMap<object, number>();
  const enter = (table: object, key: unknown) => {
    const chosen = ["number", "bigint"].includes(typeof key) || /^\d{1,10}$/.test(String(key));
    if (!chosen) return;
    const before = held.get(table) ?? 0;
    steps += before;
    held.set(table, before + 1);
  };
  const { set } = Map.prototype;
  const { add } = Set.prototype;
  const replace = (mapSet: typeof set, setAdd: typeof add) => {
    Object.assign(Map.prototype, { set: mapSet });
    Object.assign(Set.prototype, { add: setAdd });
  };
  replace(
    function (this: Map<unknown, unknown>, key, value) {
      enter(this, key);
      return set.call(this, key, value) as typeof this;
    },
    function (this: Set<unknown>, key) {
      enter(this, key);
      return add.call(this, key) as typeof this;
    },
  );
  try {
    work();
  } finally {
    replace(set, add);
  }
  return steps;
}
