// Which pages the site has, from which files, in which order. Every page of docs/ is named here.

/** @typedef {{ text: string, source: string, page: string }} Entry */

/** @type {ReadonlyArray<{ text: string, items: readonly Entry[] }>} */
export const groups = [
  group("Begin", [
    ["What it is", "README.md", "index.md"],
    ["Getting started", "getting-started"],
    ["Questions", "faq"],
  ]),
  group("Come from", [
    ["MQTT", "from-mqtt"],
    ["NATS", "from-nats"],
    ["OSE", "ose-compatibility"],
  ]),
  group("Guide", [
    ["Services and requests", "services-and-requests"],
    ["Reports", "reports"],
    ["Watching", "watching"],
    ["Reconnecting", "reconnecting"],
    ["Recipes", "recipes"],
  ]),
  group("Operate", [
    ["Deploy", "deploy"],
    ["Troubleshooting", "troubleshooting"],
    ["Security", "security"],
    ["Versions and updates", "versions"],
  ]),
  group("Look up", [
    ["API reference", "api/index.md", "api/index.md"],
    ["Errors", "errors"],
    ["Limits", "limits"],
    ["Protocol", "protocol"],
    ["Changes", "CHANGELOG.md", "changelog.md"],
  ]),
  group("Prove", [
    ["Promises and their tests", "promises"],
    ["Attacks", "attacks"],
    ["Measurements", "docs/bench/README.md", "bench/index.md"],
    ["How it is measured", "bench/README.md", "bench/method.md"],
  ]),
  group("Work on it", [
    ["Architecture", "ARCHITECTURE.md", "architecture.md"],
    ["Contributing", "CONTRIBUTING.md", "contributing.md"],
    ["Fuzzing", "fuzz/README.md", "fuzzing.md"],
  ]),
];

/**
 * @param {string} text
 * @param {ReadonlyArray<[text: string, source: string, page?: string]>} entries
 */
function group(text, entries) {
  const items = entries.map(([title, source, page]) =>
    page === undefined
      ? { text: title, source: `docs/${source}.md`, page: `${source}.md` }
      : { text: title, source, page },
  );
  return { text, items };
}
