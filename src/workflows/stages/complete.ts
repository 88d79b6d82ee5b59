import { records } from "../activities.ts";
import type { ProjectRun } from "../project-run.ts";
import type { GradedDeliverable } from "./review.ts";

/** Asks policy about the release of each deliverable and tags it. Returns why some could not be released, if so. */
export async function release(run: ProjectRun, graded: GradedDeliverable[]): Promise<string | null> {
  await run.enter("complete");
  const { project_id } = run;
  const refused: string[] = [];
  for (const { id, evaluation } of graded) {
    const decision = await records.evaluatePolicy({
      project_id,
      action: "release.promote",
      deliverable_id: id,
      key: `release/${id}`,
    });
    if (!decision.allowed) {
      refused.push(`${id}: policy refuses the release: ${decision.reasons.join("; ")}`);
    } else if (evaluation.commit !== null) {
      const { decision_id } = decision;
      await run.steps.promote({ project_id, deliverable_id: id, decision_id, commit: evaluation.commit });
    }
  }
  return refused.length === 0 ? null : refused.join(" · ");
}
