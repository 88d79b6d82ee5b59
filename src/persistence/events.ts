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
  const { project_id } = writer;
  await tx.selectFrom("projects").select("id").where("id", "=", project_id).forUpdate().executeTakeFirstOrThrow();
  const known = await tx
    .selectFrom("events")
    .select("key")
    .where("project_id", "=", project_id)
    .where(
      "key",
      "in",
      events.map((event) => event.key),
    )
    .execute();
  const keys = new Set(known.map((row) => row.key));
  const fresh = events.filter((event) => !keys.has(event.key));
  if (fresh.length === 0) return false;
  const { event_sequence } = await tx
    .updateTable("projects")
    .set((eb) => ({ event_sequence: eb("event_sequence", "+", fresh.length), updated_at: sql<Date>`now()` }))
    .where("id", "=", project_id)
    .returning("event_sequence")
    .executeTakeFirstOrThrow();
  await tx
    .insertInto("events")
    .values(
      fresh.map((event, index) => ({
        project_id,
        sequence: event_sequence - fresh.length + index + 1,
        key: event.key,
        type: event.type,
        subject: event.subject,
        data: JSON.stringify(event.data),
        workflow_id: writer.workflow_id,
        run_id: writer.run_id,
      })),
    )
    .execute();
  await sql`select pg_notify(${EVENTS_CHANNEL}, ${project_id})`.execute(tx);
  return true;
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
