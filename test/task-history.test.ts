// What is kept of past tasks, read from a real PostgreSQL: the newest, of one tenant and one agent, and no more than that.
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { loadCapsuleLibrary } from "../src/adapters/capsule-library.ts";
import { createCapsulePlanner } from "../src/adapters/planner-capsule.ts";
import { createPostgresTaskHistory } from "../src/adapters/task-history-postgres.ts";
import { ProjectSpec } from "../src/domain/intake.ts";
import { CAPSULES } from "../src/main/paths.ts";
import { migrate, openDatabase, openPool } from "../src/persistence/database.ts";
import { SAMPLES_MAX } from "../src/ports/task-history.ts";
import { startServers } from "./support/servers.ts";

const servers = await startServers();
// One connection, so that its statistics are those of every query.
const pool = openPool(servers.database, 1);
const db = openDatabase(pool);
const history = createPostgresTaskHistory(db);
afterAll(async () => {
  await db.destroy();
  await servers.stop();
});

/** As many tasks, each a second younger than the one before it and, in tokens, one larger. */
async function past(count: number, { tenant = "acme", agent = "template", capsule = "python_cli", ago_h = 0 } = {}) {
  const project = `${tenant}-${agent}-${capsule}`;
  await sql`
    insert into projects (id, tenant, region, name, spec, spec_digest, state, stage, sandbox, workflow_id, traceparent, created_by)
    values (${project}, ${tenant}, 'local', 'past', '{}', '', 'delivered', 'complete', 'none', ${project}, '', 'operator')
  `.execute(db);
  await sql`
    insert into task_history (project_id, deliverable_id, task_id, tenant, agent, type, persona, capsule, capsule_version,
      checks, size_tokens, tokens, seconds, recorded_at)
    select ${project}, 'd', 't' || n, ${tenant}, ${agent}, 'code', 'developer_backend.v2', ${capsule}, '1.0.0',
      '["compile"]', 1000, n, 0.5, now() - make_interval(hours => ${ago_h}::int) + make_interval(secs => n)
    from generate_series(1, ${count}::int) n
  `.execute(db);
}

interface Reads {
  sequential: number;
  indexed: number;
}

async function reads(): Promise<Reads> {
  await sql`select pg_stat_force_next_flush()`.execute(db);
  const { rows } = await sql<Reads>`
    select seq_tup_read as sequential, idx_tup_fetch as indexed from pg_stat_user_tables where relname = 'task_history'
  `.execute(db);
  return rows[0] as Reads;
}

beforeAll(() => migrate(db));
beforeEach(() => sql`truncate projects cascade`.execute(db));

describe("the history of tasks", () => {
  it("is of one tenant and one agent", async () => {
    await past(3);
    await past(5, { tenant: "other" });
    await past(7, { agent: "coder" });
    expect(await history.recent("acme", "template", ["python_cli"])).toHaveLength(3);
    expect(await history.recent("other", "template", [])).toHaveLength(5);
    expect(await history.recent("acme", "coder", ["python_cli"])).toHaveLength(7);
    expect(await history.recent("nobody", "template", ["python_cli"])).toEqual([]);
  });

  it("gives back what was kept, each task once", async () => {
    await past(1);
    expect(await history.recent("acme", "template", ["python_cli", "python_cli", "none"])).toEqual([
      {
        agent: "template",
        type: "code",
        persona: "developer_backend.v2",
        capsule: "python_cli",
        capsule_version: "1.0.0",
        task_id: "t1",
        size_tokens: 1_000,
        checks: ["compile"],
        tokens: 1,
        seconds: 0.5,
      },
    ]);
  });

  it("keeps a capsule in sight that others have run more often since, and reads no more than it gives", async () => {
    await past(6_000, { capsule: "rest_api" });
    await past(6_000, { capsule: "docs_site", tenant: "other" });
    await past(SAMPLES_MAX + 50, { ago_h: 1_000 });
    await sql`analyze task_history`.execute(db);
    const before = await reads();
    const samples = await history.recent("acme", "template", ["python_cli"]);
    const after = await reads();
    const ofCapsule = (id: string): number[] =>
      samples.filter(({ capsule }) => capsule === id).map(({ tokens }) => tokens);
    expect([ofCapsule("python_cli").length, ofCapsule("rest_api").length]).toEqual([SAMPLES_MAX, SAMPLES_MAX]);
    expect([Math.min(...ofCapsule("python_cli")), Math.min(...ofCapsule("rest_api"))]).toEqual([
      51,
      6_001 - SAMPLES_MAX,
    ]);
    expect(after.sequential - before.sequential).toBe(0);
    expect(after.indexed - before.indexed).toBeLessThanOrEqual(2 * SAMPLES_MAX);
  });

  it("is asked once for a plan, however many deliverables it has", async () => {
    await past(20);
    const library = await loadCapsuleLibrary(CAPSULES);
    const deliverable = { capsule: "python_cli", parameters: { operations: ["add"] } };
    const spec = ProjectSpec.parse({
      name: "pair",
      tenant: "acme",
      goals: ["Two calculators"],
      budget: { tokens: 200_000 },
      deliverables: ["a", "b", "c"].map((id) => ({ id, ...deliverable })),
    });
    let queries = 0;
    const count = (): void => void (queries += 1);
    pool.on("acquire", count);
    const { graphs } = await createCapsulePlanner(library, history).plan(spec);
    pool.off("acquire", count);
    expect(queries).toBe(1);
    const bases = Object.values(graphs).flatMap(({ nodes }) => nodes.map(({ estimate }) => estimate?.basis));
    expect([bases.length, bases.filter((basis) => basis === "history").length]).toEqual([30, 12]);
  });
});
