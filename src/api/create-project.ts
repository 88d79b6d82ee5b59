import type { ProjectSpec } from "../domain/intake.ts";
import type { Plan } from "../domain/plan.ts";
import { canonicalJson } from "../platform/digest.ts";
import { assignPlanning } from "../persistence/plannings.ts";
import type { ApiContext } from "./context.ts";
import { once } from "./idempotency.ts";
import { projectViews } from "./project-views.ts";
import { findUnfinished, getProject, insertProject, recordResumed } from "./projects.ts";
import type { ProjectView } from "./views.ts";

export interface CreateRequest {
  spec: ProjectSpec;
  /** As it was given, or as a model made it; absent: the plan stage makes the same again. */
  plan?: Plan | undefined;
  approve_plan: boolean;
  attach: "unfinished" | "never";
}

/**
 * Writes and starts a project whose plan was looked at, or takes up an unfinished one. The plan's text is stored before
 * the project names it: a crash in between leaves an artifact that nothing names, which is harmless.
 */
export async function createProject(
  context: ApiContext,
  { spec, plan, approve_plan, attach }: CreateRequest,
  { actor, key }: { actor: string; key: string | undefined },
): Promise<{ view: ProjectView; resumed: boolean }> {
  const { db, settings } = context;
  const stored = plan === undefined ? undefined : await context.artifacts.put(canonicalJson(plan), "application/json");
  const input = { spec, plan: stored, approve_plan };
  const { id, resumed } = await db.transaction().execute((tx) =>
    once(tx, { principal: actor, key, request: { ...input, attach } }, async () => {
      const candidates = attach === "unfinished" ? await findUnfinished(tx, input) : [];
      const earlier = candidates.find((row) => !context.attachments.attached(row.id));
      const row = earlier ?? (await insertProject(tx, { ...input, actor, sandbox: settings.sandbox }));
      const made = earlier === undefined && stored !== undefined;
      if (made) await assignPlanning(tx, { tenant: spec.tenant, plan_digest: stored.digest, project_id: row.id });
      context.attachments.claim(row.id);
      if (earlier !== undefined) await recordResumed(tx, earlier, actor);
      return { id: row.id, resumed: earlier !== undefined };
    }),
  );
  const row = await getProject(db, id);
  await context.starter.start(row);
  const [view] = await projectViews(db, settings, [row]);
  return { view: view as ProjectView, resumed };
}
