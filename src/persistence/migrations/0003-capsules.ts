import { type Kysely, sql } from "kysely";

/** Contents of capsules, published versions, installations by tenant, and planner outputs kept as templates. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table capsule_contents (
      digest text primary key,
      capsule_id text not null,
      version text not null,
      content text not null,
      shipped boolean not null,
      kept_at timestamptz not null default now()
    );

    create table capsules (
      id text not null,
      version text not null,
      digest text not null references capsule_contents (digest),
      published_by text not null,
      published_at timestamptz not null default now(),
      primary key (id, version)
    );

    create table installations (
      id uuid primary key default gen_random_uuid(),
      tenant text not null,
      capsule_id text not null,
      sequence integer not null,
      version text not null,
      digest text not null references capsule_contents (digest),
      restores integer,
      installed_by text not null,
      installed_at timestamptz not null default now(),
      unique (tenant, capsule_id, sequence),
      foreign key (capsule_id, version) references capsules (id, version)
    );

    create table templates (
      id uuid primary key default gen_random_uuid(),
      tenant text not null,
      name text not null,
      output jsonb not null,
      digest text not null,
      imported_by text not null,
      imported_at timestamptz not null default now(),
      unique (tenant, name)
    );
  `.execute(db);
}
