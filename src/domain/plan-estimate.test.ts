import { describe, expect, it } from "vitest";
import { Deliverable, TaskGraph, TaskNode } from "./plan.ts";
import { estimatePlan } from "./plan-estimate.ts";
import type { TaskEstimate } from "./task-estimate.ts";

function node(id: string, dependencies: string[], estimate?: Partial<TaskEstimate>): TaskNode {
  const prior: TaskEstimate = {
    agent: "template",
    runtime: "deterministic",
    tokens: { low: 10, likely: 20, high: 30 },
    seconds: { low: 1, likely: 2, high: 9 },
    basis: "prior",
    samples: 0,
  };
  return TaskNode.parse({
    id,
    type: id.startsWith("doc") ? "docs" : "code",
    description: id,
    dependencies,
    estimated_tokens: 25,
    estimated_seconds: 3,
    persona: "developer",
    success_criteria: [{ id: "done", text: "It is done" }],
    ...(estimate && { estimate: { ...prior, ...estimate } }),
  });
}

const past = (level: TaskEstimate["level"], samples: number): Partial<TaskEstimate> => ({
  basis: "history",
  level,
  samples,
});

function planOf(parts: Record<string, TaskNode[]>, dependencies: Record<string, string[]> = {}) {
  const deliverables = Object.keys(parts).map((id) =>
    Deliverable.parse({
      id,
      persona: "developer",
      tools: [],
      budget_tokens: 1_000,
      capsule: "python_cli",
      dependencies: dependencies[id] ?? [],
    }),
  );
  const terms = { budget_total: 1_000, timeout_minutes: 1, quality_threshold: 0.8 };
  const graphs = Object.entries(parts).map(([id, nodes]) => [id, TaskGraph.parse({ nodes, ...terms })] as const);
  return estimatePlan({ deliverables, graphs: Object.fromEntries(graphs) });
}

describe("estimatePlan", () => {
  it("adds up tokens, and seconds along the longest way at each end", () => {
    const slow = { seconds: { low: 0, likely: 5, high: 6 } };
    const { deliverables, total } = planOf(
      { a: [node("x", [], {}), node("y", ["x"], {}), node("z", ["x"], slow)], b: [node("x", [], {})] },
      { b: ["a"] },
    );
    expect(deliverables["a"]).toMatchObject({
      tokens: { low: 30, likely: 60, high: 90 },
      seconds: { low: 2, likely: 7, high: 18 },
    });
    expect(total).toMatchObject({
      tokens: { low: 40, likely: 80, high: 120 },
      seconds: { low: 3, likely: 9, high: 27 },
    });
  });

  it.each<[string, TaskNode[], string, number]>([
    ["nothing that says so", [node("x", [])], "stated", 0],
    ["nothing that was measured", [node("x", [], {}), node("y", [])], "prior", 0],
    ["some tasks that were", [node("x", [], past("task", 2)), node("y", [], {})], "partly", 2],
    ["tasks of their own", [node("x", [], past("task", 2)), node("y", [], past("task", 3))], "history", 5],
    [
      "the capsule's, which hold a task's",
      [node("x", [], past("task", 2)), node("y", [], past("capsule", 7))],
      "history",
      7,
    ],
    ["the same tasks twice", [node("x", [], past("type", 9)), node("y", [], past("persona", 4))], "history", 9],
    ["two types", [node("x", [], past("type", 9)), node("doc", [], past("type", 4))], "history", 13],
  ])("rests on %s", (_, nodes, basis, past_tasks) => {
    expect(planOf({ a: nodes }).total).toMatchObject({ basis, past_tasks });
    expect(planOf({ a: nodes, b: nodes }).total).toMatchObject({ basis, past_tasks });
  });

  it("says which agents it holds for, and how many of the tasks have run before", () => {
    const model = { ...past("persona", 4), agent: "coder", runtime: "model" } as const;
    const { deliverables, total } = planOf({
      a: [node("x", [], past("task", 2)), node("y", [], past("capsule", 7)), node("z", [])],
      b: [node("x", [], model)],
    });
    const template = { agent: "template", runtime: "deterministic" };
    expect(deliverables["a"]).toMatchObject({ tasks: 3, tasks_seen: 1, agents: [template] });
    expect(deliverables["b"]).toMatchObject({
      tasks: 1,
      tasks_seen: 0,
      agents: [{ agent: "coder", runtime: "model" }],
    });
    expect(total.agents).toEqual([template, { agent: "coder", runtime: "model" }]);
    expect(planOf({ a: [node("x", [])] }).total.agents).toEqual([]);
  });

  it("takes a plan's own word for a task without a range", () => {
    const { tokens, seconds } = planOf({ a: [node("x", [])] }).total;
    expect(tokens).toEqual({ low: 25, likely: 25, high: 25 });
    expect(seconds).toEqual({ low: 3, likely: 3, high: 3 });
  });
});
