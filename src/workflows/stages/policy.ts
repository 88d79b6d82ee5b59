import type { DecisionSummary } from "../../activities/contract.ts";
import type { ValidatedPlan } from "../../domain/plan.ts";
import { records } from "../activities.ts";
import type { ProjectRun } from "../project-run.ts";

/** Asks about every deliverable before anything is provisioned. */
export async function askPolicy(run: ProjectRun, plan: ValidatedPlan): Promise<Map<string, DecisionSummary>> {
  await run.enter("policy");
  const decisions = new Map<string, DecisionSummary>();
  for (const { id } of plan.deliverables) {
    const decision = await records.evaluatePolicy({
      project_id: run.project_id,
      action: "deliverable.provision",
      deliverable_id: id,
      key: `provision/${id}/1`,
    });
    decisions.set(id, decision);
    if (!decision.allowed) await records.recordBlocked({ project_id: run.project_id, deliverable_id: id, decision });
  }
  return decisions;
}

/** Returns the decision that lets the deliverable go on; waits in the requeue store as long as there is none. */
export async function admit(run: ProjectRun, deliverable_id: string, first: DecisionSummary): Promise<DecisionSummary> {
  const { project_id } = run;
  let decision = first;
  for (let round = 2; !decision.allowed; round++) {
    const { allow, actor, reason } = await run.untilUnblocked(deliverable_id, decision);
    decision = await records.evaluatePolicy({
      project_id,
      action: "deliverable.provision",
      deliverable_id,
      key: `provision/${deliverable_id}/${round}`,
      ...(allow ? { override: { actor, reason } } : {}),
    });
    if (decision.allowed) {
      const { decision_id } = decision;
      await records.recordUnblocked({ project_id, deliverable_id, decision_id, actor, reason });
    } else {
      await records.recordBlocked({ project_id, deliverable_id, decision });
    }
    run.answerUnblock(deliverable_id, decision.allowed);
  }
  return decision;
}
