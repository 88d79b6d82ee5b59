import { activityInfo } from "@temporalio/activity";
import type { Transaction } from "kysely";
import type { NewEvent } from "../domain/events.ts";
import type { Db } from "../persistence/database.ts";
import { appendEvents, type Writer } from "../persistence/events.ts";
import type { Database } from "../persistence/schema.ts";

/** The execution that writes, as events name it. */
function writerOf(projectId: string): Writer {
  const { workflowExecution } = activityInfo();
  return {
    project_id: projectId,
    workflow_id: workflowExecution?.workflowId ?? "",
    run_id: workflowExecution?.runId ?? "",
  };
}

/**
 * Appends the events and makes the changes that go with them, all or nothing. The project's row is locked first,
 * so that writers of one project are in line. `change` learns whether the events are new or were written by an earlier try.
 */
export async function record(
  db: Db,
  projectId: string,
  events: NewEvent[],
  change?: (tx: Transaction<Database>, fresh: boolean) => Promise<void>,
): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    const fresh = await append(tx, projectId, events);
    await change?.(tx, fresh);
    return fresh;
  });
}

/** Appends events inside a transaction that the caller has. Returns whether any was new. */
export function append(tx: Transaction<Database>, projectId: string, events: NewEvent[]): Promise<boolean> {
  return appendEvents(tx, writerOf(projectId), events);
}
