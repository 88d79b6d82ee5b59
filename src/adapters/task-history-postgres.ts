import type { Db } from "../persistence/database.ts";
import { SAMPLES_MAX, type TaskHistory } from "../ports/task-history.ts";

/** Past tasks, as grading recorded them in the product's own database. */
export function createPostgresTaskHistory(db: Db): TaskHistory {
  return {
    recent: (tenant, agent) =>
      db
        .selectFrom("task_history")
        .select(["agent", "type", "persona", "capsule", "capsule_version", "task_id", "size_tokens", "checks"])
        .select(["tokens", "seconds"])
        .where("tenant", "=", tenant)
        .where("agent", "=", agent)
        .orderBy("recorded_at", "desc")
        .limit(SAMPLES_MAX)
        .execute(),
  };
}
