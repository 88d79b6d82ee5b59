import { type Kysely, sql } from "kysely";

/** What was spent on asking a model for a plan, whether or not a project came of it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table plannings (
      id bigint generated always as identity primary key,
      tenant text not null,
      name text not null,
      model text not null,
      rounds integer not null check (rounds >= 0),
      input_tokens bigint not null check (input_tokens >= 0),
      output_tokens bigint not null check (output_tokens >= 0),
      source text not null,
      usd numeric(14, 6) not null default 0,
      reserve_tokens bigint not null check (reserve_tokens >= 0),
      outcome text not null,
      plan_digest text,
      project_id text references projects (id),
      planned_at timestamptz not null default now()
    );
    create index plannings_newest on plannings (tenant, id desc);
    create index plannings_of_plan on plannings (tenant, plan_digest) where project_id is null;
  `.execute(db);
}
