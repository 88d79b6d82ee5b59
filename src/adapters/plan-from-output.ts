import { InputError } from "../domain/errors.ts";
import type { VisibleSpec } from "../domain/intake.ts";
import type { Deliverable, Plan, PlannerOutput } from "../domain/plan.ts";
import type { Planner } from "../ports/planner.ts";

/**
 * The plan of a planner output: each deliverable by its capsule, or the one that the spec's goals ask for, with the
 * persona, tools and budget that the output gives it. Throws what planning throws, and InputError `budget_too_small`
 * for a deliverable whose tasks cost more than the output grants.
 */
export async function planFromOutput(output: PlannerOutput, spec: VisibleSpec, planner: Planner): Promise<Plan> {
  const { capsule: _capsule, ...rest } = spec;
  const deliverables = output.deliverables.map(({ id, title, milestone, workstream, sources, ...own }) => {
    const { capsule = spec.capsule, parameters, dependencies } = own;
    return { id, title, milestone, workstream, sources, goals: [], capsule, parameters, dependencies };
  });
  const plan = await planner.plan({ ...rest, planner: "capsule", deliverables, provisioning: output.provisioning });
  const given = new Map(output.deliverables.map((deliverable) => [deliverable.id, deliverable]));
  const short = plan.deliverables.flatMap(({ id }) => budgetProblem(plan, id, given.get(id)) ?? []);
  if (short.length > 0) {
    throw new InputError("The planner output's budgets are too small.", {
      code: "budget_too_small",
      problems: short,
      remedy: "Raise budget_tokens of the deliverables named above.",
    });
  }
  return {
    ...plan,
    planner: `planner output, by ${plan.planner}`,
    deliverables: plan.deliverables.map((made) => asGiven(made, given.get(made.id))),
    graphs: Object.fromEntries(
      Object.entries(plan.graphs).map(([id, graph]) => [
        id,
        { ...graph, budget_total: given.get(id)?.budget_tokens ?? graph.budget_total },
      ]),
    ),
  };
}

function asGiven(made: Deliverable, given: Deliverable | undefined): Deliverable {
  if (given === undefined) return made;
  const { persona, tools, budget_tokens, schedule } = given;
  return { ...made, persona, tools, budget_tokens, schedule };
}

function budgetProblem({ graphs }: Plan, id: string, given: Deliverable | undefined): string | undefined {
  const estimate = graphs[id]?.nodes.reduce((sum, node) => sum + node.estimated_tokens, 0) ?? 0;
  if (given === undefined || given.budget_tokens >= estimate) return undefined;
  return `${id}: budget_tokens is ${given.budget_tokens}, and its tasks are estimated at ${estimate}`;
}
