import { expect, test } from "vitest";
import { flameGraph } from "../../scripts/lib/flame-graph.mjs";
import { folded, hottest, readStacks } from "../../scripts/lib/stacks.mjs";

/** As perf prints it: the innermost function first. */
const SCRIPT = `node 71/71 
	          16d833 __memmove_sse2 (/usr/lib/libc.so.6)
	    7f00c0de1234 JS:*publish file:///home/netsvc/dist/service.js:64:10 (/names/perf-71.map)
	    7f00c0de0000 JS:~pump file:///home/netsvc/bench/publisher.mjs:22:3 (/names/perf-71.map)
	          a53a27 node::Start(int, char**) (/usr/bin/node)
	 3a98bbc05895dff [unknown] ([unknown])

node 71/71 
	    7f00c0de1238 JS:*publish file:///home/netsvc/dist/service.js:64:10 (/names/perf-71.map)
	    7f00c0de0000 JS:~pump file:///home/netsvc/bench/publisher.mjs:22:3 (/names/perf-71.map)
	          a53a27 node::Start(int, char**) (/usr/bin/node)

netsvc-io 71/75 
	ffffffff8158e3e1 tcp_sendmsg ([kernel.kallsyms])
	           38e3e1 netsvc_core::process::reports::<impl netsvc_core::process::Process>::distribute (/a/netsvc.node)

my thread 80/80 
	            8e2a main (/usr/bin/other)
`;

const stacks = readStacks(SCRIPT, "/home/netsvc/");
const main = stacks.get(71);
if (main === undefined) throw new Error("a process is missing");

test("samples are told apart by process, and in a process by thread", () => {
  expect([...stacks.keys()]).toEqual([71, 80]);
  expect(main.samples).toBe(3);
  expect([...main.children.keys()]).toEqual(["node", "netsvc-io"]);
  expect([...(stacks.get(80)?.children.keys() ?? [])]).toEqual(["my thread"]);
});

test("folded stacks have callers first and count where samples ended", () => {
  const js =
    "node;node::Start(int, char**);~pump bench/publisher.mjs:22;publish dist/service.js:64";
  expect(folded(main)).toEqual([
    `${js} 1`,
    `${js};__memmove_sse2 1`,
    "netsvc-io;<impl Process>::distribute;tcp_sendmsg 1",
  ]);
});

test("functions know whether they are JavaScript, the addon, the kernel or others", () => {
  const kinds = hottest(main).map(({ name, kind, samples }) => [name.split(" ")[0], kind, samples]);
  expect(kinds).toContainEqual(["publish", "js", 1]);
  expect(kinds).toContainEqual(["__memmove_sse2", "other", 1]);
  expect(kinds).toContainEqual(["tcp_sendmsg", "kernel", 1]);
  expect(kinds).toContainEqual(["<impl", "addon", 0]);
});

test("what is hottest comes first, added up over its callers", () => {
  const lines = ["one", "two"].map((caller) => `a 1/1 \n\t 1 leaf (/x)\n\t 2 ${caller} (/x)\n`);
  const root = readStacks(lines.join("\n")).get(1);
  expect(root && hottest(root)[0]).toEqual({ name: "leaf", kind: "other", samples: 2 });
});

test("a flame graph shows every frame as wide as its share, callers below", () => {
  const svg = flameGraph(main, "a < b");
  expect(svg).toContain(">a &lt; b</text>");
  expect(svg).toContain("<title>all: 100.00 %, 3 samples</title>");
  const y = (name: string) => {
    const frame = new RegExp(`y="(\\d+)" width="([\\d.]+)%"[^>]*><title>${name}`).exec(svg);
    return [Number(frame?.[1]), frame?.[2]];
  };
  const [bottom, all] = y("all");
  const [higher, share] = y("publish dist");
  expect([all, share]).toEqual(["100.000", "66.667"]);
  expect(Number(higher)).toBeLessThan(Number(bottom));
  expect(svg).toContain("&lt;impl Process&gt;::distribute");
  expect(svg).not.toContain("<impl");
});

test("output without samples has no processes", () => {
  expect(readStacks("").size).toBe(0);
  expect(readStacks("no such thing\n\n").size).toBe(0);
});
