import type { ValidatedPlan } from "../../domain/plan.ts";
import { planning, validation } from "../activities.ts";
import type { ProjectRun } from "../project-run.ts";

/** Spec → deliverables and task graphs, then the graph's rules, each in an activity of its own. */
export async function planProject(run: ProjectRun): Promise<ValidatedPlan> {
  await run.enter("plan");
  const { project_id } = run;
  const { plan } = await planning.decomposeProject({ project_id });
  return validation.validateTaskGraph({ project_id, plan });
}
