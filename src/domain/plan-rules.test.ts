import { describe, expect, it } from "vitest";
import { Plan } from "./plan.ts";
import { scheduleProblems, validatePlan } from "./plan-rules.ts";

const node = {
  id: "a",
  type: "code",
  description: "A",
  estimated_tokens: 10,
  persona: "dev",
  success_criteria: [{ id: "done", text: "Done" }],
  paths: ["a.py"],
};

type Stated = { id: string } & Partial<Plan["deliverables"][number]>;

function plan(deliverables: Stated[], graph: object = {}): Plan {
  const full = deliverables.map((one) => ({ persona: "dev", tools: [], budget_tokens: 100, ...one })) as {
    id: string;
  }[];
  const own = { nodes: [node], budget_total: 100, timeout_minutes: 1, quality_threshold: 0.8, ...graph };
  return Plan.parse({
    revision: 1,
    planner: "capsule",
    match: [],
    deliverables: full,
    provisioning: {},
    graphs: Object.fromEntries(full.map(({ id }) => [id, own])),
    estimated_tokens: 10,
  });
}

describe("validatePlan", () => {
  it("reports on each deliverable's graph", () => {
    const report = validatePlan(plan([{ id: "x" }, { id: "y", dependencies: ["x"] }]));
    expect(report.problems).toEqual([]);
    expect(Object.keys(report.graphs)).toEqual(["x", "y"]);
  });

  it.each([
    [
      [
        { id: "x", dependencies: ["y"] },
        { id: "y", dependencies: ["x"] },
      ],
      {},
      "The deliverables y → x → y wait for each other; remove one of these dependencies.",
    ],
    [
      [{ id: "x", dependencies: ["z"] }],
      {},
      'Deliverable "x" depends on "z", which is not in the graph; add that deliverable or remove the dependency.',
    ],
    [[{ id: "x" }, { id: "x" }], {}, 'Deliverable "x" is there twice; give each deliverable an id of its own.'],
    [
      [{ id: "x", budget_tokens: 50 }],
      {},
      "x: The graph's budget is 100 tokens, and the deliverable's is 50; lower the first or raise the second.",
    ],
    [
      [{ id: "x" }],
      { nodes: [{ ...node, dependencies: ["a"] }] },
      'x: Task "a" depends on itself; remove that dependency.',
    ],
    [
      [{ id: "x", schedule: "0 6 * * mondays" }],
      {},
      expect.stringMatching(/^Deliverable "x": its schedule "0 6 \* \* mondays" is not cron: /),
    ],
  ])("names what breaks a rule: %#", (deliverables, graph, problem) => {
    expect(validatePlan(plan(deliverables, graph)).problems).toEqual([problem]);
  });
});

describe("scheduleProblems", () => {
  it.each(["0 6 * * 1", "*/5 * * * *", "0 0 1 1 *", "0 9 * * MON-FRI"])("takes %s", (schedule) => {
    expect(scheduleProblems("x", schedule)).toEqual([]);
  });

  it.each(["0 6 * * 1 2027", "@daily", "60 * * * *", "0 0 31 2 *", "0 6 * *", "* * * * * *"])(
    "refuses %s",
    (schedule) => {
      expect(scheduleProblems("x", schedule)).toHaveLength(1);
    },
  );
});
