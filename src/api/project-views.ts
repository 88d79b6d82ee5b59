import { sql } from "kysely";
import type { Selectable } from "kysely";
import type { TaskState } from "../domain/execute.ts";
import { STAGES } from "../domain/intake.ts";
import type { Db } from "../persistence/database.ts";
import type { Database } from "../persistence/schema.ts";
import type { ApiSettings } from "./deps.ts";
import type { ProjectView, TaskView, Waiting } from "./views.ts";

type ProjectRow = Selectable<Database["projects"]>;

const WAITING_MAX = 100;

/** Views of a page of projects, in a fixed number of queries however long the page is. */
export async function projectViews(db: Db, settings: ApiSettings, rows: ProjectRow[]): Promise<ProjectView[]> {
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.id);
  const [counts, budgets, repositories, stages, waiting] = await Promise.all([
    countTasks(db, ids),
    readBudgets(db, ids),
    readRepositories(db, ids),
    readStages(db, ids),
    readWaiting(db, ids),
  ]);
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    state: row.state,
    stage: row.stage,
    reason: row.reason,
    tenant: row.tenant,
    region: row.region,
    sandbox: row.sandbox,
    created_by: row.created_by,
    created_at: row.created_at.toISOString(),
    finished_at: row.finished_at?.toISOString() ?? null,
    budget: budgets.get(row.id) ?? { limit: row.spec.budget.tokens, reserved: 0, spent: 0 },
    tasks: counts.get(row.id) ?? { total: 0, by_state: {} },
    stages: stageTimes(row, stages.get(row.id) ?? new Map()),
    repository: row.result?.repository ?? repositories.get(row.id) ?? null,
    temporal_url: workflowUrl(settings, row.workflow_id),
    waiting_for: row.finished_at === null ? (waiting.get(row.id) ?? []) : [],
    result: row.result,
  }));
}

export function workflowUrl({ temporal_ui, temporal_namespace }: ApiSettings, workflowId: string): string | null {
  if (temporal_ui === null) return null;
  const base = temporal_ui.replace(/\/$/, "");
  return `${base}/namespaces/${encodeURIComponent(temporal_namespace)}/workflows/${encodeURIComponent(workflowId)}`;
}

async function countTasks(db: Db, ids: string[]): Promise<Map<string, ProjectView["tasks"]>> {
  const rows = await db
    .selectFrom("tasks")
    .select(["project_id", "state", (eb) => eb.fn.countAll<number>().as("count")])
    .where("project_id", "in", ids)
    .groupBy(["project_id", "state"])
    .execute();
  const counts = new Map<string, { total: number; by_state: Partial<Record<TaskState, number>> }>();
  for (const { project_id, state, count } of rows) {
    const entry = counts.get(project_id) ?? { total: 0, by_state: {} };
    entry.total += count;
    entry.by_state[state] = count;
    counts.set(project_id, entry);
  }
  return counts;
}

async function readBudgets(db: Db, ids: string[]): Promise<Map<string, ProjectView["budget"]>> {
  const rows = await db
    .selectFrom("budgets")
    .select(["project_id", "tokens_limit", "tokens_reserved", "tokens_spent"])
    .where("project_id", "in", ids)
    .where("scope", "=", "project")
    .execute();
  return new Map(
    rows.map((row) => [
      row.project_id,
      { limit: row.tokens_limit, reserved: row.tokens_reserved, spent: row.tokens_spent },
    ]),
  );
}

async function readRepositories(db: Db, ids: string[]): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom("resources")
    .select(["project_id", "reference"])
    .distinctOn("project_id")
    .where("project_id", "in", ids)
    .where("kind", "=", "repository")
    .orderBy("project_id")
    .orderBy("created_at")
    .execute();
  return new Map(rows.map((row) => [row.project_id, row.reference]));
}

/** When each stage began, found by the keys under which the workflow records it. */
async function readStages(db: Db, ids: string[]): Promise<Map<string, Map<string, Date>>> {
  const rows = await db
    .selectFrom("events")
    .select(["project_id", "key", "time"])
    .where("project_id", "in", ids)
    .where(
      "key",
      "in",
      STAGES.map((stage) => `stage/${stage}`),
    )
    .execute();
  const stages = new Map<string, Map<string, Date>>();
  for (const { project_id, key, time } of rows) {
    const times = stages.get(project_id) ?? new Map<string, Date>();
    stages.set(project_id, times.set(key.slice("stage/".length), time));
  }
  return stages;
}

/** A stage lasts until the next one that was entered, the last until the project's end. */
function stageTimes(row: ProjectRow, starts: Map<string, Date>): ProjectView["stages"] {
  const entered = STAGES.flatMap((stage) => {
    const at = stage === "intake" ? row.created_at : starts.get(stage);
    return at === undefined ? [] : [{ stage, at }];
  });
  return entered.map(({ stage, at }, index) => ({
    stage,
    started_at: at.toISOString(),
    ended_at: (entered[index + 1]?.at ?? row.finished_at)?.toISOString() ?? null,
  }));
}

async function readWaiting(db: Db, ids: string[]): Promise<Map<string, Waiting[]>> {
  const [plans, reviews, blocked] = await Promise.all([
    db
      .selectFrom("plan_approvals")
      .select(["project_id", "revision", "plan"])
      .where("project_id", "in", ids)
      .where("state", "=", "open")
      .execute(),
    db
      .selectFrom("reviews")
      .select(["id", "project_id", "scope", "deliverable_id", "task_id", "score"])
      .where("project_id", "in", ids)
      .where("state", "=", "open")
      .orderBy("requested_at")
      .limit(WAITING_MAX)
      .execute(),
    db
      .selectFrom("requeue as q")
      .leftJoin("decisions as d", "d.decision_id", "q.decision_id")
      .select(["q.id", "q.project_id", "q.deliverable_id", "q.reasons", "d.violations"])
      .where("q.project_id", "in", ids)
      .where("q.state", "=", "blocked")
      .orderBy("q.created_at")
      .limit(WAITING_MAX)
      .execute(),
  ]);
  const waiting = new Map<string, Waiting[]>();
  const add = (projectId: string, item: Waiting): void => {
    const list = waiting.get(projectId) ?? [];
    list.push(item);
    waiting.set(projectId, list);
  };
  for (const { project_id, revision, plan } of plans) add(project_id, { kind: "plan", revision, digest: plan.digest });
  for (const { id, project_id, ...review } of reviews) add(project_id, { kind: "review", review_id: id, ...review });
  for (const { id, project_id, violations, ...entry } of blocked) {
    add(project_id, { kind: "blocked", requeue_id: id, ...entry, violations: violations ?? [] });
  }
  return waiting;
}

/** What is asked of a project's tasks. `after` is the place in the list, `changed_since` an ISO time. */
export interface TaskQuery {
  after: number;
  limit: number;
  changed_since?: string | undefined;
}

/** Tasks in topological order, deliverable by deliverable in the plan's order. */
export async function readTasks(db: Db, projectId: string, query: TaskQuery): Promise<TaskView[]> {
  let select = db
    .selectFrom("tasks")
    .selectAll()
    .where("project_id", "=", projectId)
    .orderBy("deliverable_id")
    .orderBy("position")
    .orderBy("task_id")
    .offset(query.after)
    .limit(query.limit);
  if (query.changed_since !== undefined) {
    select = select.where(sql<Date>`greatest(heartbeat_at, ended_at)`, ">=", new Date(query.changed_since));
  }
  const rows = await select.execute();
  return rows.map(({ project_id: _project, ...row }) => ({
    ...row,
    started_at: row.started_at?.toISOString() ?? null,
    heartbeat_at: row.heartbeat_at?.toISOString() ?? null,
    ended_at: row.ended_at?.toISOString() ?? null,
  }));
}
