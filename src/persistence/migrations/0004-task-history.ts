import { type Kysely, sql } from "kysely";

/** What the first attempt of each task took, for the estimates of later ones. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table task_history (
      project_id text not null references projects (id),
      deliverable_id text not null,
      task_id text not null,
      tenant text not null,
      agent text not null,
      type text not null,
      persona text not null,
      capsule text not null,
      capsule_version text not null,
      checks jsonb not null,
      size_tokens bigint not null check (size_tokens >= 0),
      tokens bigint not null check (tokens >= 0),
      seconds double precision not null check (seconds >= 0),
      recorded_at timestamptz not null default clock_timestamp(),
      primary key (project_id, deliverable_id, task_id)
    );
    create index task_history_newest on task_history (tenant, agent, recorded_at desc);
    create index task_history_newest_of_capsule on task_history (tenant, agent, capsule, recorded_at desc);
  `.execute(db);
}
