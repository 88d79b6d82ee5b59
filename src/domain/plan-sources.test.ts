import { describe, expect, it } from "vitest";
import { ProjectSpec, withoutAcceptance } from "./intake.ts";
import { Plan } from "./plan.ts";
import { withSources } from "./plan-sources.ts";
import { summarise } from "./summary.ts";

const ROADMAP = `# Roadmap

## Milestone 1: Arithmetic (2027-03-31)

- The calculator must add and subtract decimal numbers.
- The calculator must divide decimal numbers.

## Milestone 2: Money (2027-06-30)

- The ledger must convert currencies by daily rates.
`;

const node = (id: string, description: string) => ({
  id,
  type: "code",
  description,
  estimated_tokens: 10,
  persona: "dev",
  success_criteria: [{ id: "done", text: "It is done" }],
  paths: [`${id}.py`],
});

function planned(stated: object = {}): Plan {
  const attachments = [{ name: "roadmap.md", content: ROADMAP }];
  const spec = withoutAcceptance(
    ProjectSpec.parse({ name: "sums", goals: ["Calculate"], budget: { tokens: 100 }, attachments }),
  );
  const graph = {
    nodes: [
      node("add", "Add and subtract decimal numbers in the calculator"),
      node("divide", "Divide decimal numbers in the calculator"),
    ],
    budget_total: 100,
    timeout_minutes: 1,
    quality_threshold: 0.8,
  };
  const plan = Plan.parse({
    revision: 1,
    planner: "capsule",
    match: [],
    deliverables: [{ id: "sums", persona: "dev", tools: [], budget_tokens: 100, ...stated }],
    provisioning: {},
    graphs: { sums: graph },
    estimated_tokens: 20,
    milestones: spec.milestones,
  });
  return withSources(
    plan,
    spec,
    summarise(
      attachments.map((one) => ({ ...one, media_type: "text/markdown" })),
      10_000,
    ),
  );
}

describe("withSources", () => {
  it("cites the lines that a deliverable answers, its milestone, and what nothing covers", () => {
    const plan = Plan.parse(planned());
    expect(plan.deliverables[0]).toMatchObject({
      sources: [
        { attachment: "roadmap.md", line: 5, end_line: 5 },
        { attachment: "roadmap.md", line: 6, end_line: 6 },
      ],
    });
    const [milestone] = plan.milestones;
    expect(milestone).toMatchObject({ title: expect.stringContaining("Arithmetic") as string, due: "2027-03-31" });
    expect(plan.deliverables[0]?.milestone).toBe(milestone?.id);
    expect(plan.milestones).toHaveLength(1);
    const uncovered = plan.requirements.filter(({ covered_by }) => covered_by.length === 0);
    expect(uncovered.map(({ line, text }) => [line, text])).toEqual([
      [10, "The ledger must convert currencies by daily rates."],
    ]);
    expect(plan.requirements[0]?.covered_by[0]?.reason).toMatch(/words in task add/);
  });

  it("changes nothing that was stated", () => {
    const stated = { sources: [{ attachment: "roadmap.md", line: 10, end_line: 10 }] };
    const [deliverable] = planned(stated).deliverables;
    expect(deliverable?.sources).toEqual(stated.sources);
  });
});
