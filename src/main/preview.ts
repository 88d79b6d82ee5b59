import type { PlanPreview } from "../api/deps.ts";
import type { ActivityDeps } from "../activities/deps.ts";
import { checkPlan } from "../activities/plan.ts";
import { provisionContext } from "../activities/policy.ts";
import { InputError } from "../domain/errors.ts";
import { type ProjectSpec, withoutAcceptance } from "../domain/intake.ts";
import type { TaskGraph } from "../domain/plan.ts";
import { POLICY_THRESHOLD } from "../domain/policy.ts";

/** What a run of this spec would do, up to the policy's answers. Writes nothing. Throws what planning throws. */
export function createPreview(
  { planner, policy, sandbox, agents }: Pick<ActivityDeps, "planner" | "policy" | "sandbox" | "agents">,
  actor = "operator",
): (spec: ProjectSpec) => Promise<PlanPreview> {
  return async (spec) => {
    if (!agents.has(spec.agent)) {
      throw new InputError(`There is no agent "${spec.agent}".`, {
        code: "agent_unknown",
        problems: [`agent: must be one of ${[...agents.keys()].join(", ")}`],
        remedy: "Name one of these in the spec, or leave `agent` out.",
      });
    }
    const plan = await planner.plan(withoutAcceptance(spec), spec.name);
    const checked = checkPlan(plan);
    const reports = Object.fromEntries(
      plan.deliverables.map(({ id }, index) => [id, checked[index] as (typeof checked)[0]]),
    );
    const decisions = plan.deliverables.map((deliverable) => {
      const graph = plan.graphs[deliverable.id] as TaskGraph; // checkPlan found it
      const project = { tenant: spec.tenant, region: spec.region, created_by: actor, sandbox, spec };
      const context = provisionContext({ project, deliverable, graph });
      return { deliverable_id: deliverable.id, ...policy.evaluate(context, { threshold: POLICY_THRESHOLD }) };
    });
    return { plan, reports, decisions };
  };
}
