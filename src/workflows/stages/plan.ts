import { ApplicationFailure } from "@temporalio/common";
import type { PlanAnswer } from "../../activities/contract.ts";
import type { ArtifactRef } from "../../domain/ids.ts";
import type { ValidatedPlan } from "../../domain/plan.ts";
import { planning, records, validation } from "../activities.ts";
import type { ProjectRun } from "../project-run.ts";

/** As for a review: past it nobody has approved. Source: DESIGN.md §11. */
const WAIT_TIMEOUT = "7 days";

/** Spec → deliverables and task graphs, then the graph's rules, each in an activity of its own. */
export async function planProject(run: ProjectRun): Promise<ValidatedPlan> {
  await run.enter("plan");
  const { project_id } = run;
  const { plan } = await planning.decomposeProject({ project_id });
  return validation.validateTaskGraph({ project_id, plan: run.approvePlan ? await approved(run, plan) : plan });
}

/** The revision of the plan that a person approved, by its digest. Fails when it is rejected or nobody answers. */
async function approved(run: ProjectRun, first: ArtifactRef): Promise<ArtifactRef> {
  const { project_id } = run;
  for (let [plan, revision] = [first, 1]; ; revision += 1) {
    await records.openPlanApproval({ project_id, plan, revision });
    const answer: PlanAnswer = (await run.untilPlanAnswered(plan.digest, WAIT_TIMEOUT)) ?? {
      decision: "expired",
      actor: "system",
      comment: `Nobody answered within ${WAIT_TIMEOUT}.`,
      plan: null,
    };
    await records.closePlanApproval({ project_id, plan, revision, answer });
    if (answer.decision === "approved") return plan;
    if (answer.plan === null) {
      const { decision, actor, comment } = answer;
      throw ApplicationFailure.nonRetryable(`The plan was ${decision} by ${actor}: ${comment}`, "plan_refused");
    }
    plan = answer.plan;
  }
}
