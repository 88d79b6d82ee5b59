import { type Kysely, sql } from "kysely";

/** Projects, their event log, tasks, decisions, budgets and ledger, reviews, merges, requeue store, board, memory. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table projects (
      id text primary key,
      tenant text not null,
      region text not null,
      name text not null,
      spec jsonb not null,
      spec_digest text not null,
      state text not null,
      stage text not null,
      reason text,
      sandbox text not null,
      workflow_id text not null,
      traceparent text not null,
      plan jsonb,
      result jsonb,
      event_sequence integer not null default 0,
      created_by text not null,
      created_at timestamptz not null default now(),
      updated_at timestamptz not null default now(),
      finished_at timestamptz
    );
    create index projects_by_age on projects (tenant, created_at desc);
    create index projects_unfinished on projects (spec_digest) where finished_at is null;

    create table events (
      project_id text not null references projects (id),
      sequence integer not null,
      key text not null,
      id uuid not null default gen_random_uuid(),
      type text not null,
      subject text not null,
      time timestamptz not null default clock_timestamp(),
      data jsonb not null,
      workflow_id text not null,
      run_id text not null,
      primary key (project_id, sequence),
      unique (project_id, key)
    );

    create table tasks (
      project_id text not null references projects (id),
      deliverable_id text not null,
      task_id text not null,
      position integer not null,
      type text not null,
      persona text not null,
      title text not null,
      dependencies jsonb not null,
      state text not null,
      attempt integer not null default 0,
      agent text,
      estimated_tokens bigint not null,
      tokens bigint not null default 0,
      score double precision,
      commit text,
      reason text,
      started_at timestamptz,
      heartbeat_at timestamptz,
      ended_at timestamptz,
      primary key (project_id, deliverable_id, task_id)
    );

    create table decisions (
      decision_id text primary key,
      project_id text not null references projects (id),
      sequence integer not null,
      action text not null,
      subject_id text not null,
      allowed boolean not null,
      score double precision not null,
      threshold double precision not null,
      violations jsonb not null,
      constitution_hash text not null,
      input_hash text not null,
      evaluated_at timestamptz not null,
      unique (project_id, sequence)
    );

    create table budgets (
      project_id text not null references projects (id),
      scope text not null,
      tokens_limit bigint not null check (tokens_limit >= 0),
      tokens_reserved bigint not null default 0 check (tokens_reserved >= 0),
      tokens_spent bigint not null default 0 check (tokens_spent >= 0),
      primary key (project_id, scope)
    );

    create table ledger (
      id bigint generated always as identity primary key,
      project_id text not null references projects (id),
      deliverable_id text not null,
      task_id text not null,
      attempt integer not null,
      entry text not null check (entry in ('reserve', 'settle')),
      tokens bigint not null check (tokens >= 0),
      usd numeric(14, 6) not null default 0,
      source text,
      created_at timestamptz not null default now(),
      unique (project_id, deliverable_id, task_id, attempt, entry)
    );

    create table reviews (
      id text primary key,
      project_id text not null references projects (id),
      scope text not null,
      deliverable_id text,
      task_id text,
      commit text,
      report jsonb not null,
      score double precision not null,
      state text not null,
      workflow_id text not null,
      requested_at timestamptz not null default now(),
      decided_at timestamptz,
      decided_by text,
      comment text
    );
    create index reviews_open on reviews (project_id) where state = 'open';

    create table requeue (
      id text primary key,
      project_id text not null references projects (id),
      deliverable_id text not null,
      state text not null,
      decision_id text not null,
      reasons jsonb not null,
      constitution_hash text not null,
      created_at timestamptz not null default now(),
      resolved_at timestamptz,
      resolved_by text,
      resolution text,
      unique (project_id, deliverable_id)
    );

    create table merges (
      project_id text not null references projects (id),
      repository text not null,
      key text not null,
      position bigint generated always as identity,
      commit text not null,
      info jsonb not null,
      state text not null,
      tip text,
      report text,
      retest_ms double precision,
      primary key (project_id, key)
    );
    create index merges_pending on merges (repository, position) where state = 'pending';

    create table resources (
      project_id text not null references projects (id),
      deliverable_id text not null,
      kind text not null,
      adapter text not null,
      reference text not null,
      summary text not null,
      created_at timestamptz not null default now(),
      primary key (project_id, deliverable_id, kind)
    );

    create table board_cards (
      project_id text not null references projects (id),
      deliverable_id text not null,
      task_id text not null,
      position integer not null,
      title text not null,
      board_column text not null,
      moved_at timestamptz not null default now(),
      primary key (project_id, deliverable_id, task_id)
    );

    create table memory_snapshots (
      id uuid primary key default gen_random_uuid(),
      project_id text not null references projects (id),
      tenant text not null,
      key text not null,
      content jsonb not null,
      search tsvector generated always as (to_tsvector('simple', content::text)) stored,
      created_at timestamptz not null default now(),
      unique (project_id, key)
    );
    create index memory_search on memory_snapshots using gin (search);

    create table artifacts (
      project_id text not null references projects (id),
      kind text not null,
      subject text not null,
      digest text not null,
      size bigint not null,
      media_type text not null,
      created_at timestamptz not null default now(),
      primary key (project_id, kind, subject)
    );

    create table idempotency_keys (
      principal text not null,
      key text not null,
      request_digest text not null,
      response jsonb not null,
      created_at timestamptz not null default now(),
      primary key (principal, key)
    );
  `.execute(db);
}
