import { describe, expect, it } from "vitest";
import { Capsule } from "./capsule.ts";
import { capsuleProblems, compositionProblems } from "./capsule-rules.ts";

const TASK = {
  id: "one",
  type: "code",
  description: "Write it",
  checks: ["compile"],
  success_criteria: [{ id: "done", text: "It is written" }],
  files: [{ path: "a.py", template: "a.liquid" }],
};
const BASE = { id: "c", version: "1.0.0", summary: "C", type: "delivery", persona: "dev" };

function problems(more: object): string[] {
  const capsule = Capsule.parse({ ...BASE, stack: "python", ...more });
  return capsuleProblems(capsule, new Set(["a.liquid", "lock.liquid"])).map(({ problem }) => problem);
}

describe("capsuleProblems", () => {
  it("finds nothing in a capsule that is right", () => {
    expect(problems({ tasks: [TASK, { ...TASK, id: "two", dependencies: ["one"], reads: ["one"] }] })).toEqual([]);
    const scaffold = [{ path: "requirements.lock", template: "lock.liquid" }];
    expect(problems({ tasks: [TASK], scaffold, dependencies: { python: "requirements.lock" } })).toEqual([]);
  });

  it.each([
    [{ tasks: [{ ...TASK, files: [{ path: "a", template: "b.liquid" }] }] }, 'template "b.liquid" is not there'],
    [{ tasks: [TASK], parameter_rules: "r.liquid" }, 'template "r.liquid" is not there'],
    [{ tasks: [TASK, TASK] }, 'tasks: "one" is there twice'],
    [{ tasks: [{ ...TASK, dependencies: ["x"] }] }, 'tasks: "one" depends on "x", which is not there'],
    [{ tasks: [{ ...TASK, reads: ["x"] }] }, 'tasks: "one" reads "x", which is not there'],
    [
      {
        tasks: [
          { ...TASK, dependencies: ["two"] },
          { ...TASK, id: "two", dependencies: ["one"] },
        ],
      },
      "tasks: one → two → one wait for each other",
    ],
    [{}, "has neither tasks nor other capsules that it uses"],
    [{ tasks: [TASK], stack: undefined }, "stack: names no stack, so nothing can grade its tasks"],
    [{ tasks: [TASK], uses: [{ id: "u", capsule: "d" }] }, "has tasks and uses other capsules; keep one of both"],
    [{ uses: [{ id: "u", capsule: "d", pass: ["x"] }] }, 'uses: "u" passes the parameter "x", which is not there'],
    [{ uses: [{ id: "u", capsule: "d", dependencies: ["v"] }] }, 'uses: "u" depends on "v", which is not there'],
    [
      { tasks: [TASK], dependencies: { node: "package-lock.json" } },
      'dependencies: the scaffold has no file "package-lock.json"',
    ],
  ])("names what is wrong: %#", (more, problem) => {
    expect(problems(more)).toEqual([problem]);
  });
});

describe("compositionProblems", () => {
  const capsule = (id: string, ...uses: string[]) =>
    Capsule.parse({ ...BASE, id, uses: uses.map((name) => ({ id: name, capsule: name })) });

  it("prints the whole circle, and what is not there", () => {
    expect(compositionProblems([capsule("a", "b"), capsule("b", "c", "x"), capsule("c", "a")])).toEqual([
      { id: "b", problem: 'uses the capsule "x", which is not there' },
      { id: "a", problem: "uses itself: a → b → c → a" },
    ]);
    expect(compositionProblems([capsule("a", "b", "c"), capsule("b", "c"), capsule("c")])).toEqual([]);
  });
});
