import { expect, test } from "vitest";
import { compare, readProfile } from "../../scripts/lib/instructions.mjs";

const PROFILE = `# callgrind format
version: 1
positions: instr line
events: Ir
summary: 900

ob=/bin/program
fl=main.rs
fn=program::counted
0x1000 10 300
cob=/lib/libc.so.6
cfn=malloc
calls=70 0x98930 3281
0x1004 11 300

ob=/lib/libc.so.6
fl=malloc.c
fn=malloc
0x98934 3282 2
0x98930 3281 3
0x98938 3283 3
cfn=_int_malloc
calls=1 0x98000 3000
0x98900 3290 200

fn=_int_malloc
0x98000 3000 50

fn=realloc
0x99130 3394 2
0x99132 3394 2

totals: 900
`;

test("instructions are those of the whole profile, in libraries too", () => {
  expect(readProfile(PROFILE).instructions).toBe(900);
});

test("allocations are how often an allocator was entered while collecting", () => {
  expect(readProfile(PROFILE).allocations).toBe(5);
});

test.each([
  ["that counted nothing", PROFILE.replace("totals: 900", "totals: 0")],
  ["that is cut off", PROFILE.replace(/totals: .*/, "")],
])("a profile %s is an error", (_, profile) => {
  expect(() => readProfile(profile)).toThrow("counted nothing");
});

const cost = (instructions: number, allocations = 0) => ({ instructions, allocations });

test("the tolerance is let pass, and beyond that is a fault that names the step", () => {
  const committed = { publish: cost(1000), hear: cost(1000) };
  expect(compare(committed, { publish: cost(1020), hear: cost(980) }, 0.02)).toMatchObject({
    faults: [],
    lower: [],
  });
  const { faults, lower } = compare(committed, { publish: cost(1021), hear: cost(979) }, 0.02);
  expect(faults).toEqual(["publish takes +2.1 % instructions"]);
  expect(lower).toEqual(["hear"]);
});

test("any more allocations are a fault", () => {
  const { faults } = compare({ hear: cost(1000) }, { hear: cost(1000, 1) }, 0.1);
  expect(faults).toEqual(["hear allocates 1.00 times for a message, not 0.00"]);
  expect(compare({ hear: cost(1000, 0.02) }, { hear: cost(1000, 0.03) }, 0.1).faults).toEqual([
    "hear allocates 0.03 times for a message, not 0.02",
  ]);
  expect(compare({ hear: cost(1000, 1) }, { hear: cost(1000, 0.5) }, 0.1).lower).toEqual(["hear"]);
});

test("figures that have no counterpart are faults, on either side", () => {
  const { faults, rows } = compare({ hear: cost(1) }, { ask: cost(2) }, 0.02);
  expect(faults).toEqual(["ask has no committed figure", "hear is committed and was not counted"]);
  expect(rows[1]).toEqual(["ask", "2", "-", "", "0.00", "-"]);
});
