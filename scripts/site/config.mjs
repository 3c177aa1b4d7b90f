// Configuration of VitePress; scripts/docs.mjs names it from the folder that the site is built in.

import { anchorOf } from "../lib/anchors.mjs";
import { groups } from "./pages.mjs";

/** @param {string} page */
function address(page) {
  return `/${page.replace(/(?:index)?\.md$/, "")}`;
}

export default {
  title: "netsvc",
  description: "A message exchange for programs made of several processes on one edge gateway",
  lang: "en",
  head: [["link", { rel: "icon", href: "data:," }]],
  // Where it is served: /netsvc/ for the project's page of that name.
  base: process.env.DOCS_BASE ?? "/",
  ignoreDeadLinks: false,
  markdown: { anchor: { slugify: anchorOf }, toc: { slugify: anchorOf } },
  // The index of the search is one file.
  vite: { build: { chunkSizeWarningLimit: 2000 } },
  themeConfig: {
    nav: [
      { text: "Start", link: "/getting-started" },
      { text: "Recipes", link: "/recipes" },
      { text: "API", link: "/api/" },
    ],
    sidebar: groups.map(({ text, items }) => ({
      text,
      items: items.map((item) => ({ text: item.text, link: address(item.page) })),
    })),
    outline: [2, 3],
    search: { provider: "local" },
  },
};
