import { executeChild } from "@temporalio/workflow";
import type { EvaluateResult } from "../../activities/contract.ts";
import { HumanReviewWorkflow } from "../human-review.ts";
import { projectWorkflowId } from "../messages.ts";
import type { ProjectRun } from "../project-run.ts";
import type { DeliverableEnd } from "./execute.ts";

/** A merged whole that was graded, and by whom it was approved. */
export interface GradedDeliverable {
  id: string;
  evaluation: EvaluateResult;
  approved: boolean;
  reason: string | null;
}

/** Grades every merged whole in a clean checkout with the held-out checks; the doubtful go to a person. */
export async function reviewWhole(run: ProjectRun, ends: DeliverableEnd[]): Promise<GradedDeliverable[]> {
  await run.enter("review");
  const succeeded = ends.filter((end) => end.succeeded);
  return Promise.all(succeeded.map(({ id }) => reviewDeliverable(run, id)));
}

async function reviewDeliverable(run: ProjectRun, deliverable_id: string): Promise<GradedDeliverable> {
  const { project_id } = run;
  run.deliverableStarted(deliverable_id);
  try {
    const evaluation = await run.steps.evaluateQuality({ project_id, deliverable_id, round: 1 });
    if (evaluation.approved) return { id: deliverable_id, evaluation, approved: true, reason: null };
    run.setWaiting(deliverable_id, true);
    const outcome = await executeChild(HumanReviewWorkflow, {
      workflowId: `${projectWorkflowId(project_id)}/review/${deliverable_id}`,
      args: [
        {
          review_id: `${project_id}.${deliverable_id}`,
          scope: "project" as const,
          project_id,
          deliverable_id,
          task_id: null,
          commit: evaluation.commit,
          report: evaluation.report,
          score: evaluation.score,
        },
      ],
    });
    const approved = outcome.decision === "approved";
    const reason = approved ? null : `${outcome.decision} by ${outcome.actor}: ${outcome.comment}`;
    return { id: deliverable_id, evaluation, approved, reason };
  } finally {
    run.deliverableEnded(deliverable_id);
  }
}
