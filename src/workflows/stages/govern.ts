import { completion } from "../activities.ts";
import type { ProjectRun } from "../project-run.ts";

/** The governance capsule looks at the whole run before anything is released. Returns why it may not be, if so. */
export async function govern(run: ProjectRun): Promise<string | null> {
  await run.enter("govern");
  const { verdict, reasons } = await completion.reviewGovernance({ project_id: run.project_id });
  return verdict === "approved" ? null : `governance: ${verdict}: ${reasons.join("; ")}`;
}
