import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LogPage } from "../src/api/log-files.ts";
import type { ProjectView, RequeueView, TaskView, WorkflowView } from "../src/api/views.ts";
import type { ApiClient } from "../src/cli/api-client.ts";
import { followEvents } from "../src/cli/event-stream.ts";
import { newEvent } from "../src/domain/event-data.ts";
import type { KamachiqEvent } from "../src/domain/events.ts";
import { appendEvents } from "../src/persistence/events.ts";
import { startMissingWorkflows } from "../src/api/projects.ts";
import { projectWorkflowId } from "../src/workflows/messages.ts";
import { startTestApi, type TestApi } from "./support/api.ts";

type Accepted = ProjectView & { resumed: boolean };

let api: TestApi;
let operator: ApiClient;
beforeAll(async () => {
  api = await startTestApi();
  operator = api.client("operator");
});
afterAll(() => api?.stop());

const specOf = (name: string) => ({ name, goals: ["Create Python CLI calculator"], budget: { tokens: 200_000 } });
const create = (name: string, extra: object = {}, key?: string): Promise<Accepted> =>
  operator.post<Accepted>(
    "/v1/projects",
    { spec: specOf(name), ...extra },
    key === undefined ? {} : { "idempotency-key": key },
  );

async function append(projectId: string, count: number, from = 0): Promise<void> {
  await api.db.transaction().execute(async (tx) => {
    const events = Array.from({ length: count }, (_, index) =>
      newEvent(`test/${from + index}`, "kamachiq.intake.resumed", projectId, { actor: `a${from + index}` }),
    );
    await appendEvents(tx, { project_id: projectId, workflow_id: "w", run_id: "r" }, events);
  });
}

/** The first `count` events after `after`; the stream is then closed. */
async function take(projectId: string, count: number, after = 0): Promise<KamachiqEvent[]> {
  const events: KamachiqEvent[] = [];
  for await (const event of followEvents(operator, projectId, after, AbortSignal.timeout(10_000))) {
    if (events.push(event) === count) break;
  }
  return events;
}

describe("starting projects", () => {
  it("writes the project and its first event, and starts its workflow", async () => {
    const project = await create("calc");
    expect(project).toMatchObject({ name: "calc", state: "running", stage: "intake", resumed: false, waiting_for: [] });
    expect(project.id).toMatch(/^calc-[0-9a-z]{6}$/);
    expect(project.budget).toEqual({ limit: 200_000, reserved: 0, spent: 0 });
    expect(await take(project.id, 1)).toMatchObject([
      { sequence: 1, type: "kamachiq.intake.accepted", data: { actor: "operator", name: "calc" } },
    ]);
    const workflow = await api.temporal.workflow.getHandle(projectWorkflowId(project.id)).describe();
    expect(workflow.status.name).toBe("RUNNING");
    expect(workflow.searchAttributes).toMatchObject({ KamachiqProject: [project.id], KamachiqTenant: ["default"] });
  });

  it("makes one project of one Idempotency-Key, also when two come at once", async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => create("once", {}, "key-1")));
    expect(new Set(answers.map((answer) => answer.id)).size).toBe(1);
    await expect(create("other", {}, "key-1")).rejects.toMatchObject({ code: "conflict", status: 409 });
    const rows = await api.db.selectFrom("projects").select("id").where("name", "in", ["once", "other"]).execute();
    expect(rows).toHaveLength(1);
  });

  it("takes up an unfinished project that nobody is attached to, and only such a one", async () => {
    const { id } = await create("attach");
    const watching = new AbortController();
    const stream = followEvents(operator, id, 0, watching.signal);
    await stream.next();
    await sql`select 1`.execute(api.db);
    const second = await create("attach", { attach: "unfinished" });
    expect(second).toMatchObject({ resumed: false });
    expect(second.id).not.toBe(id);
    watching.abort();
    await stream.next().catch(() => {});
    await sleep(11_000); // until the claims of both have passed
    const answers = await Promise.all([1, 2, 3].map(() => create("attach", { attach: "unfinished" })));
    expect(
      answers
        .filter((answer) => answer.resumed)
        .map((answer) => answer.id)
        .toSorted(),
    ).toEqual([id, second.id].toSorted());
  });

  it("starts the workflow of a project whose process died before it could", async () => {
    const { id } = await create("orphan");
    await api.temporal.workflow.getHandle(projectWorkflowId(id)).terminate();
    const lost = { id: "lost-000001", workflow_id: projectWorkflowId("lost-000001") };
    await sql`insert into projects select (jsonb_populate_record(p, ${JSON.stringify(lost)}::jsonb)).* from projects p where id = ${id}`.execute(
      api.db,
    );
    expect(await startMissingWorkflows(api.db, api.temporal)).toBeGreaterThan(1);
    const found = await api.temporal.workflow.getHandle(lost.workflow_id).describe();
    expect(found.status.name).toBe("RUNNING");
    const ended = await api.temporal.workflow.getHandle(projectWorkflowId(id)).describe();
    expect(ended.status.name).toBe("TERMINATED");
  });
});

describe("events", () => {
  it("come in order, at once, and go on after the last one seen", async () => {
    const { id } = await create("stream");
    await append(id, 700);
    const all = await take(id, 701);
    expect(all.map((event) => event.sequence)).toEqual(Array.from({ length: 701 }, (_, index) => index + 1));
    const next = take(id, 1, 701);
    await sleep(200);
    await append(id, 1, 700);
    expect((await next)[0]?.sequence).toBe(702);
  });

  it("still come at once after the listening connection was cut", async () => {
    const { id } = await create("cut");
    const next = take(id, 2);
    await sleep(200);
    const cut = await sql<{
      ended: boolean;
    }>`select pg_terminate_backend(pid) as ended from pg_stat_activity where query ilike 'listen %'`.execute(api.db);
    expect(cut.rows.length).toBeGreaterThan(0);
    await sleep(500);
    await append(id, 1);
    expect((await next).map((event) => event.sequence)).toEqual([1, 2]);
  });

  it("end with the project, and tell a client not to come back", async () => {
    const { id } = await create("end");
    await api.db.transaction().execute(async (tx) => {
      const report = { digest: "0".repeat(64), size: 1, media_type: "text/plain" };
      const data = { state: "failed", reason: "test", score: null, tokens: 0, repository: null, report } as const;
      const event = newEvent("complete/finished", "kamachiq.complete.finished", id, data);
      await appendEvents(tx, { project_id: id, workflow_id: "w", run_id: "r" }, [event]);
      await tx.updateTable("projects").set({ state: "failed", finished_at: new Date() }).where("id", "=", id).execute();
    });
    const events: KamachiqEvent[] = [];
    for await (const event of followEvents(operator, id, 0, AbortSignal.timeout(5_000))) events.push(event);
    expect(events.at(-1)?.type).toBe("kamachiq.complete.finished");
    const again = await operator.request("GET", `/v1/projects/${id}/events`, { headers: { "last-event-id": "2" } });
    expect(again.status).toBe(204);
    await expect(operator.post(`/v1/projects/${id}/pause`)).rejects.toMatchObject({ status: 409 });
  });
});

describe("looking at projects", () => {
  it("shows tasks in order, counts, stages and what waits for a person", async () => {
    const { id } = await create("look");
    const task = (task_id: string, position: number, state: string) => ({
      project_id: id,
      deliverable_id: "d",
      task_id,
      position,
      type: "code" as const,
      persona: "p",
      title: task_id,
      dependencies: JSON.stringify(position === 0 ? [] : ["a"]),
      state: state as "queued",
      estimated_tokens: 10,
      heartbeat_at: position === 0 ? new Date("2026-01-01T00:00:00Z") : null,
    });
    await api.db
      .insertInto("tasks")
      .values([task("b", 1, "queued"), task("a", 0, "done")])
      .execute();
    await api.db
      .insertInto("budgets")
      .values({ project_id: id, scope: "project", tokens_limit: 9, tokens_spent: 4 })
      .execute();
    const decision_id = `dec-${id}`;
    const violation = { rule: "no-tool", severity: "deny", weight: 1, reason: "asks for x", remedy: "drop x" };
    await api.db
      .insertInto("decisions")
      .values({
        decision_id,
        project_id: id,
        sequence: 1,
        action: "a",
        subject_id: "d",
        allowed: false,
        score: 0,
        threshold: 0.8,
        violations: JSON.stringify([violation]),
        constitution_hash: "c",
        input_hash: "i",
        evaluated_at: new Date(),
      })
      .execute();
    await api.db
      .insertInto("requeue")
      .values({
        id: `${id}/d`,
        project_id: id,
        deliverable_id: "d",
        state: "blocked",
        decision_id,
        reasons: JSON.stringify(["asks for x"]),
        constitution_hash: "c",
      })
      .execute();
    const view = await operator.get<ProjectView>(`/v1/projects/${id}`);
    expect(view).toMatchObject({
      tasks: { total: 2, by_state: { queued: 1, done: 1 } },
      budget: { limit: 9, reserved: 0, spent: 4 },
      stages: [{ stage: "intake", ended_at: null }],
      waiting_for: [{ kind: "blocked", requeue_id: `${id}/d`, violations: [violation] }],
    });
    expect(view.temporal_url).toContain(`/workflows/kamachiq%2F${id}`);
    const path = `/v1/projects/${id}/tasks`;
    const first = await operator.get<{ items: TaskView[]; next: number }>(path, { limit: 1 });
    expect(first.items.map((item) => item.task_id)).toEqual(["a"]);
    const rest = await operator.get<{ items: TaskView[]; next: null }>(path, { after: first.next });
    expect([rest.items.map((item) => item.task_id), rest.next]).toEqual([["b"], null]);
    const changed = await operator.get<{ items: TaskView[] }>(path, { changed_since: "2025-12-31T00:00:00Z" });
    expect(changed.items.map((item) => item.task_id)).toEqual(["a"]);
    const graph = await operator.get<{ edges: object[] }>(`/v1/projects/${id}/graph`);
    expect(graph.edges).toEqual([{ deliverable_id: "d", from: "a", to: "b" }]);
    const { items } = await operator.get<{ items: RequeueView[] }>("/v1/kamachiq/requeue");
    expect(items).toMatchObject([{ id: `${id}/d`, violations: [violation] }]);
    await expect(operator.post(`/v1/kamachiq/requeue/none/resolve`)).rejects.toMatchObject({ status: 404 });
  });

  it("lists projects in pages, newest first", async () => {
    const page = await operator.get<{ items: ProjectView[]; next: number }>("/v1/projects", { limit: 2 });
    const after = await operator.get<{ items: ProjectView[] }>("/v1/projects", { limit: 2, after: page.next });
    const times = [...page.items, ...after.items].map((project) => project.created_at);
    expect(times).toEqual(times.toSorted().toReversed());
    expect(new Set([...page.items, ...after.items].map((project) => project.id)).size).toBe(4);
    await expect(operator.get("/v1/projects/none-000000")).rejects.toMatchObject({ status: 404, code: "not_found" });
  });

  it("reads reports, artifacts and logs", async () => {
    const { id } = await create("read");
    await expect(operator.get(`/v1/projects/${id}/report`)).rejects.toMatchObject({ status: 404 });
    const ref = await api.artifacts.put("# Report\n", "text/markdown");
    await api.db
      .insertInto("artifacts")
      .values({ project_id: id, kind: "governance_report_markdown", subject: id, ...ref })
      .execute();
    const query = { kind: "governance", format: "markdown" };
    const report = await operator.request("GET", `/v1/projects/${id}/report`, { query });
    expect(report.headers.get("content-type")).toBe("text/markdown; charset=utf-8");
    expect(await report.text()).toBe("# Report\n");
    const list = await operator.get<{ items: object[] }>(`/v1/projects/${id}/artifacts`);
    expect(list.items).toMatchObject([{ kind: "governance_report_markdown", digest: ref.digest, size: 9 }]);
    await appendFile(join(api.logs, `${id}.ndjson`), '{"level":30,"msg":"hello"}\n');
    const { lines } = await operator.get<LogPage>(`/v1/projects/${id}/logs`);
    expect(lines).toEqual([{ level: 30, msg: "hello" }]);
  });

  it("shows workflows as the engine sees them", async () => {
    const { id } = await create("engine");
    let items: WorkflowView[] = [];
    for (let tries = 0; tries < 50 && items.length === 0; tries++) {
      ({ items } = await operator.get<{ items: WorkflowView[] }>("/v1/workflows", { project: id })); // visibility lags
      await sleep(100);
    }
    expect(items).toMatchObject([
      { workflow_id: `kamachiq/${id}`, type: "KamachiqProjectWorkflow", status: "RUNNING" },
    ]);
    const path = `/v1/workflows/${encodeURIComponent(`kamachiq/${id}`)}`;
    expect(await operator.get(path)).toMatchObject({ workflow_id: `kamachiq/${id}`, pending_activities: [] });
    await expect(operator.get("/v1/workflows/kamachiq%2Fnone")).rejects.toMatchObject({ status: 404 });
  });
});
