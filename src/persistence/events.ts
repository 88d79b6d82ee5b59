import { sql, type Transaction } from "kysely";
import type { KamachiqEvent, NewEvent } from "../domain/events.ts";
import type { Db } from "./database.ts";
import type { Database } from "./schema.ts";

/** The channel on which the database tells of new events; the payload is the project's id. */
export const EVENTS_CHANNEL = "kamachiq_events";

/** Which execution writes: stands in every event. */
export interface Writer {
  project_id: string;
  workflow_id: string;
  run_id: string;
}

/**
 * Appends events to the project's log inside the caller's transaction. The row lock on the project gives them
 * sequences without gaps. An event whose key is there already is left out, so a repeated step writes nothing twice.
 * Returns whether any event was new.
 */
export async function appendEvents(tx: Transaction<Database>, writer: Writer, events: NewEvent[]): Promise<boolean> {
  if (events.length === 0) return false;
  const { project_id, workflow_id, run_id } = writer;
  const given = JSON.stringify(events.map(({ key, type, subject, data }) => ({ key, type, subject, data })));
  const { rows } = await sql<{ fresh: number }>`
    select append_events(${project_id}, ${workflow_id}, ${run_id}, ${given}::jsonb) as fresh`.execute(tx);
  return (rows[0]?.fresh ?? 0) > 0;
}

/** The project's events after `after`, in order, at most `limit` of them. */
export async function readEvents(db: Db, projectId: string, after = 0, limit = 100_000): Promise<KamachiqEvent[]> {
  const rows = await db
    .selectFrom("events as e")
    .innerJoin("projects as p", "p.id", "e.project_id")
    .select(["e.id", "e.sequence", "e.type", "e.subject", "e.time", "e.data", "e.workflow_id", "e.run_id"])
    .select(["p.id as project", "p.tenant", "p.region", "p.traceparent"])
    .where("e.project_id", "=", projectId)
    .where("e.sequence", ">", after)
    .orderBy("e.sequence")
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    specversion: "1.0",
    id: row.id,
    type: row.type,
    source: `/kamachiq/projects/${row.project}`,
    subject: row.subject,
    time: row.time.toISOString(),
    datacontenttype: "application/json",
    data: row.data as KamachiqEvent["data"],
    project: row.project,
    sequence: row.sequence,
    workflowid: row.workflow_id,
    runid: row.run_id,
    tenant: row.tenant,
    region: row.region,
    traceparent: row.traceparent,
  }));
}
