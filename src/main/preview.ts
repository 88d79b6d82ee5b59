import type { GivenPlan, PlanPreview } from "../api/deps.ts";
import { checkGivenPlan } from "../adapters/plan-check.ts";
import { planFromOutput } from "../adapters/plan-from-output.ts";
import type { ActivityDeps } from "../activities/deps.ts";
import { checkPlan } from "../activities/plan.ts";
import { provisionContext } from "../activities/policy.ts";
import { InputError } from "../domain/errors.ts";
import { type ProjectSpec, type VisibleSpec, withoutAcceptance } from "../domain/intake.ts";
import type { Plan, TaskGraph } from "../domain/plan.ts";
import { POLICY_THRESHOLD } from "../domain/policy.ts";
import { planDigest } from "../platform/digest.ts";
import type { Planner } from "../ports/planner.ts";

/** What a run of this spec, by its own plan or the one given, would do, up to the policy's answers. Writes nothing. Throws what planning throws. */
export function createPreview(
  {
    planner,
    library,
    policy,
    sandbox,
    agents,
    graph_limits,
  }: Pick<ActivityDeps, "planner" | "library" | "policy" | "sandbox" | "agents" | "graph_limits">,
  actor = "operator",
): (spec: ProjectSpec, given?: GivenPlan) => Promise<PlanPreview> {
  return async (spec, given = {}) => {
    if (!agents.has(spec.agent)) {
      throw new InputError(`There is no agent "${spec.agent}".`, {
        code: "agent_unknown",
        problems: [`agent: must be one of ${[...agents.keys()].join(", ")}`],
        remedy: "Name one of these in the spec, or leave `agent` out.",
      });
    }
    const visible = withoutAcceptance(spec);
    const plan = await planOf(visible, given, planner);
    if (given.plan !== undefined || given.output !== undefined)
      await checkGivenPlan(plan, visible, library.of(spec.tenant));
    const checked = checkPlan(plan, graph_limits);
    const reports = Object.fromEntries(
      plan.deliverables.map(({ id }, index) => [id, checked[index] as (typeof checked)[0]]),
    );
    const decisions = plan.deliverables.map((deliverable) => {
      const graph = plan.graphs[deliverable.id] as TaskGraph; // checkPlan found it
      const project = { tenant: spec.tenant, region: spec.region, created_by: actor, sandbox, spec };
      const context = provisionContext({ project, deliverable, graph });
      return { deliverable_id: deliverable.id, ...policy.evaluate(context, { threshold: POLICY_THRESHOLD }) };
    });
    return { plan, digest: planDigest(plan), reports, decisions };
  };
}

async function planOf(spec: VisibleSpec, { plan, output }: GivenPlan, planner: Planner): Promise<Plan> {
  if (plan !== undefined) return plan;
  return output === undefined ? planner.plan(spec) : planFromOutput(output, spec, planner);
}
