import { type Kysely, sql } from "kysely";

/** Plans that a person approves before they are carried out, each revision with its digest. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table projects add column approve_plan boolean not null default false;

    create table plan_approvals (
      project_id text not null references projects (id),
      revision integer not null,
      plan jsonb not null,
      state text not null,
      requested_at timestamptz not null default now(),
      decided_at timestamptz,
      decided_by text,
      comment text,
      primary key (project_id, revision)
    );
    create index plan_approvals_open on plan_approvals (project_id) where state = 'open';
  `.execute(db);
}
