import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "@temporalio/client";
import { sql } from "kysely";
import type { Db } from "../../src/persistence/database.ts";
import type { Engine } from "./engine.ts";

/** Of every task: from the end of the last one that it depends on to the start of its agent, in milliseconds. */
export async function schedulingDelays(db: Db, project_id: string): Promise<number[]> {
  const { rows } = await sql<{ delay_ms: number }>`
    select extract(epoch from task.started_at - max(above.ended_at)) * 1000 as delay_ms
    from tasks as task
    cross join jsonb_array_elements_text(task.dependencies) as needed (id)
    join tasks as above on above.project_id = task.project_id and above.task_id = needed.id
    where task.project_id = ${project_id}
    group by task.task_id, task.started_at`.execute(db);
  return rows.map((row) => Number(row.delay_ms));
}

/** Bytes of Temporal's, PostgreSQL's and the product's own files. */
export async function durableBytes({ home }: Engine): Promise<number> {
  const sizes = await Promise.all(
    ["temporal", "postgres", "artifacts"].map(async (folder) => {
      const names = await readdir(join(home, folder), { recursive: true }).catch(() => []);
      const files = await Promise.all(names.map((name) => stat(join(home, folder, name)).catch(() => null)));
      return files.reduce((sum, file) => sum + (file?.isFile() === true ? file.size : 0), 0);
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Events of all histories of ended workflows. */
export async function historyEvents(client: Client): Promise<number> {
  let events = 0;
  for await (const { historyLength } of client.workflow.list()) events += historyLength;
  return events;
}
