import type { Transaction } from "kysely";
import { EVENT_DATA } from "../domain/event-data.ts";
import type { Database } from "../persistence/schema.ts";
import { attemptPath } from "./agent.ts";
import { taskOf, type Work } from "./project.ts";

/**
 * Keeps what the first attempt of a task took, for the estimates of later ones. A task of unknown size is left out, for
 * nothing could be learnt from it, and so is one whose agent never got to its end.
 */
export async function recordSample(
  tx: Transaction<Database>,
  work: Work,
  task_id: string,
  grading_ms: number,
): Promise<void> {
  const { project, deliverable } = work;
  const { type, persona, checks, size_tokens } = taskOf(work, task_id);
  if (size_tokens === undefined || deliverable.capsule === undefined) return;
  const at = { project_id: project.id, deliverable_id: deliverable.id, task_id };
  const produced = await tx
    .selectFrom("events")
    .select("data")
    .where("project_id", "=", project.id)
    .where("key", "=", `${attemptPath({ ...at, attempt: 1 })}/produced`)
    .executeTakeFirst();
  if (produced === undefined) return;
  const { usage, duration_ms } = EVENT_DATA["kamachiq.execute.task_produced"].parse(produced.data);
  await tx
    .insertInto("task_history")
    .values({
      ...at,
      tenant: project.tenant,
      agent: project.spec.agent,
      type,
      persona,
      capsule: deliverable.capsule,
      capsule_version: work.capsule.capsule.version,
      checks: JSON.stringify(checks),
      size_tokens,
      tokens: usage.input_tokens + usage.output_tokens,
      seconds: (duration_ms + grading_ms) / 1_000,
    })
    .onConflict((oc) => oc.doNothing())
    .execute();
}
