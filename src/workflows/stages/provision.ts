import type { DecisionSummary } from "../../activities/contract.ts";
import type { ProjectRun } from "../project-run.ts";

/** Makes repository, pipeline, workspace, board and memory of every deliverable that policy let through. */
export async function provisionAllowed(run: ProjectRun, decisions: Map<string, DecisionSummary>): Promise<void> {
  await run.enter("provision");
  const allowed = [...decisions].filter(([, decision]) => decision.allowed);
  await Promise.all(
    allowed.map(([deliverable_id, { decision_id }]) =>
      run.steps.provision({ project_id: run.project_id, deliverable_id, decision_id }),
    ),
  );
}
