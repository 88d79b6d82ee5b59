import { sql } from "kysely";
import type { TaskSample } from "../domain/estimate.ts";
import type { Db } from "../persistence/database.ts";
import { CAPSULES_MAX, SAMPLES_MAX, type TaskHistory } from "../ports/task-history.ts";

/** Past tasks, as grading recorded them in the product's own database. One query, which reads the newest of an index. */
export function createPostgresTaskHistory(db: Db): TaskHistory {
  return {
    async recent(tenant, agent, capsules) {
      const wanted = [...new Set(capsules)].slice(0, CAPSULES_MAX);
      const { rows } = await sql<TaskSample>`
        with newest as (
          (
            select * from task_history where tenant = ${tenant} and agent = ${agent}
            order by recorded_at desc limit ${SAMPLES_MAX}
          )
          union
          select own.* from unnest(${wanted}::text[]) as wanted (capsule) cross join lateral (
            select * from task_history
            where tenant = ${tenant} and agent = ${agent} and capsule = wanted.capsule
            order by recorded_at desc limit ${SAMPLES_MAX}
          ) as own
        )
        select agent, type, persona, capsule, capsule_version, task_id, size_tokens, checks, tokens, seconds from newest
      `.execute(db);
      return rows;
    },
  };
}
