// drives a project's rows as a workflow would
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { openDatabase, openPool } from "../../src/persistence/database.ts";
import { appendEvents } from "../../src/persistence/events.ts";
const { database } = JSON.parse(readFileSync("/tmp/scratch-servers.json", "utf8"));
const db = openDatabase(openPool(database));
const [id, end] = process.argv.slice(2) as [string, string];
const ev = (key: string, type: any, data: any) => db.transaction().execute((tx) => appendEvents(tx, { project_id: id, workflow_id: "w", run_id: "r" }, [{ key, type, subject: id, data }]));
const names = ["scaffold", "ops", "cli", "tests", "docs", "review"];
await ev("stage/plan", "kamachiq.plan.started", {});
await db.insertInto("tasks").values(names.map((n, i) => ({ project_id: id, deliverable_id: "calc", task_id: n, position: i, type: "code" as const, persona: "dev", title: n, dependencies: "[]", state: "queued" as const, estimated_tokens: 100 }))).execute();
await db.insertInto("budgets").values({ project_id: id, scope: "project", tokens_limit: 200000 }).execute();
await ev("stage/execute", "kamachiq.execute.started", {});
await db.updateTable("projects").set({ stage: "execute" }).where("id", "=", id).execute();
for (const n of names) {
  const w = { state: "running" as any, agent: "template", attempt: 1, started_at: new Date(), heartbeat_at: new Date() };
  await db.updateTable("tasks").set(w).where("project_id", "=", id).where("task_id", "=", n).execute();
  await ev("s/" + n, "kamachiq.execute.task_started", { deliverable_id: "calc", task_id: n, type: "code", persona: "dev", agent: "template", attempt: 1, decision_id: "d", reserved_tokens: 10 });
  await sleep(Number(process.env.STEP ?? 400));
  await db.updateTable("tasks").set({ state: "done", ended_at: new Date(), heartbeat_at: new Date(), tokens: 1204, score: 0.97 }).where("project_id", "=", id).where("task_id", "=", n).execute();
  await ev("e/" + n, "kamachiq.execute.task_completed", { deliverable_id: "calc", task_id: n, type: "code", state: "done", score: 0.97, tokens: 1204, attempts: 1, commit: null });
}
if (end === "waiting") {
  await db.insertInto("reviews").values({ id: `${id}.calc`, project_id: id, scope: "project", deliverable_id: "calc", report: "{}", score: 0.7, state: "open", workflow_id: "x" }).execute();
  await ev("rr", "kamachiq.review.requested", { review_id: `${id}.calc`, scope: "project", task_id: null, deliverable_id: "calc", commit: null, score: 0.7 });
  await db.updateTable("projects").set({ state: "waiting", reason: "calc waits" }).where("id", "=", id).execute();
} else {
  const report = { digest: "0".repeat(64), size: 1, media_type: "text/plain" };
  const result = { project_id: id, state: "delivered", reason: null, quality_score: 0.95, metrics: { tokens: 7224, usd: 0, tasks_total: 6, tasks_done: 6, attempts: 6, duration_seconds: 3 }, repository: "/r/x.git", tag: "v0.1.0", try_command: "git clone /r/x.git && cd x && python -m calc add 1 2", artifacts: {}, reports_folder: "/r/reports" };
  await db.transaction().execute(async (tx) => {
    await tx.updateTable("projects").set({ state: "delivered", finished_at: new Date(), result: JSON.stringify(result) }).where("id", "=", id).execute();
    await appendEvents(tx, { project_id: id, workflow_id: "w", run_id: "r" }, [{ key: "fin", type: "kamachiq.complete.finished", subject: id, data: { state: "delivered", reason: null, score: 0.95, tokens: 7224, repository: "/r/x.git", report } }]);
  });
}
await db.destroy();
