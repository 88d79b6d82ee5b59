import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { compileCompletion, renderCompletionMarkdown } from "../domain/complete.ts";
import { newEvent } from "../domain/event-data.ts";
import { governanceOverlay, renderGovernanceMarkdown, reviewGovernance } from "../domain/govern.ts";
import type { ArtifactRef } from "../domain/ids.ts";
import type { ProjectState } from "../domain/intake.ts";
import { draftReleaseNotes } from "../domain/release-notes.ts";
import type { Deliverable } from "../domain/plan.ts";
import type { ProjectResult } from "../domain/result.ts";
import { recordArtifact } from "../persistence/artifacts.ts";
import { readEvents } from "../persistence/events.ts";
import { releaseOpen, spentTokens } from "../persistence/ledger.ts";
import type { AgentActivities, ControlActivities } from "./contract.ts";
import type { ActivityDeps } from "./deps.ts";
import { GOVERNANCE_CAPSULE } from "./govern.ts";
import { requireDecision } from "./policy.ts";
import { loadPlan, loadProject, loadWork, repositoryId } from "./project.ts";
import { COMMITTER } from "./provision.ts";
import { record } from "./transaction.ts";

export function createPromoteActivities(deps: ActivityDeps): Pick<AgentActivities, "promote" | "cleanUp"> {
  const { db, artifacts, sourceControl, log } = deps;
  return {
    async promote({ project_id, deliverable_id, decision_id, commit }) {
      const work = await loadWork(deps, project_id, deliverable_id);
      await requireDecision(db, decision_id, { project_id, action: "release.promote", subject_id: deliverable_id });
      const { version } = work.deliverable.parameters;
      const tag = `v${typeof version === "string" ? version : "0.1.0"}`;
      const text = draftReleaseNotes(await readEvents(db, project_id));
      const { evaluated_at } = await db
        .selectFrom("decisions")
        .select("evaluated_at")
        .where("decision_id", "=", decision_id)
        .executeTakeFirstOrThrow();
      await sourceControl.tag(work.repository, tag, commit, text, {
        subject: tag,
        trailers: { "Kamachiq-Decision": decision_id },
        author: COMMITTER,
        date: evaluated_at.toISOString(),
      });
      const notes = await artifacts.put(text, "text/markdown");
      const data = { tag, commit, decision_id, notes };
      const subject = `deliverable/${deliverable_id}`;
      const event = newEvent(`released/${deliverable_id}`, "kamachiq.complete.released", subject, data);
      await record(db, project_id, [event], async (tx) => {
        await recordArtifact(tx, project_id, "release_notes", deliverable_id, notes);
      });
      log(project_id).info({ deliverable: deliverable_id, tag, commit }, "released");
      return { tag };
    },

    /** Removes worktrees that an agent left behind when it was killed and never tried again. */
    async cleanUp({ project_id }) {
      const tasks = await db
        .selectFrom("tasks")
        .select(["deliverable_id", "task_id", "attempt"])
        .where("project_id", "=", project_id)
        .where("attempt", ">", 0)
        .execute();
      for (const { deliverable_id, task_id, attempt } of tasks) {
        await sourceControl.closeWorkspace(repositoryId(project_id, deliverable_id), `${task_id}-${attempt}`);
      }
    },
  };
}

export function createCompleteActivities(deps: ActivityDeps): Pick<ControlActivities, "finalizeProject"> {
  const { db, log } = deps;
  return {
    async finalizeProject({ project_id, state, reason }) {
      await finish(deps, project_id, state, reason);
      const result = await compileResult(deps, project_id, state, reason);
      await record(db, project_id, [], async (tx) => {
        await tx
          .updateTable("projects")
          .set({ state, reason, result: JSON.stringify(result), finished_at: new Date(), updated_at: new Date() })
          .where("id", "=", project_id)
          .execute();
        for (const [kind, ref] of Object.entries(result.artifacts))
          await recordArtifact(tx, project_id, kind, project_id, ref);
      });
      log(project_id).info({ state, reason, score: result.quality_score, tokens: result.metrics.tokens }, "finished");
      return result;
    },
  };
}

/** The last event: reports are derived from the log up to here. */
async function finish(
  { db }: ActivityDeps,
  project_id: string,
  state: ProjectState,
  reason: string | null,
): Promise<void> {
  const [tokens, score, repositories] = [
    await spentTokens(db, project_id),
    await projectScore(db, project_id),
    await repositoriesOf(db, project_id),
  ];
  const repository = [...repositories.values()][0] ?? null;
  const started = newEvent("stage/complete", "kamachiq.complete.started", project_id, {});
  const data = { state, reason, score, tokens, repository };
  const finished = newEvent("finished", "kamachiq.complete.finished", project_id, data);
  await record(db, project_id, [started, finished], async (tx) => {
    await tx.updateTable("projects").set({ stage: "complete" }).where("id", "=", project_id).execute();
    await tx
      .updateTable("tasks")
      .set({ state: "cancelled", reason, ended_at: new Date() })
      .where("project_id", "=", project_id)
      .where("ended_at", "is", null)
      .execute();
    await releaseOpen(tx, project_id);
    // What waited for a person when the project ended, waits no longer.
    const expired = {
      state: "expired",
      decided_at: new Date(),
      decided_by: "system",
      comment: "The project ended.",
    } as const;
    await tx
      .updateTable("reviews")
      .set(expired)
      .where("project_id", "=", project_id)
      .where("state", "=", "open")
      .execute();
    await tx
      .updateTable("plan_approvals")
      .set(expired)
      .where("project_id", "=", project_id)
      .where("state", "=", "open")
      .execute();
    await tx
      .updateTable("requeue")
      .set({ state: "cancelled", resolved_at: new Date() })
      .where("project_id", "=", project_id)
      .where("state", "=", "blocked")
      .execute();
  });
}

async function compileResult(
  deps: ActivityDeps,
  project_id: string,
  state: ProjectState,
  reason: string | null,
): Promise<ProjectResult> {
  const { db, library } = deps;
  const events = await readEvents(db, project_id);
  const completion = compileCompletion(events);
  const governance = reviewGovernance(events, governanceOverlay((await library.get(GOVERNANCE_CAPSULE)).capsule));
  const files = {
    "completion.json": ["completion_report", JSON.stringify(completion, null, 2), "application/json"],
    "completion.md": ["completion_report_markdown", renderCompletionMarkdown(completion), "text/markdown"],
    "governance.json": ["governance_report", JSON.stringify(governance, null, 2), "application/json"],
    "governance.md": ["governance_report_markdown", renderGovernanceMarkdown(governance), "text/markdown"],
    "release-notes.md": ["release_notes", draftReleaseNotes(events), "text/markdown"],
  } as const;
  const reports_folder = join(deps.reports, project_id);
  await mkdir(reports_folder, { recursive: true, mode: 0o700 });
  const artifacts: Record<string, ArtifactRef> = {};
  for (const [name, [kind, text, mediaType]] of Object.entries(files)) {
    artifacts[kind] = await deps.artifacts.put(text, mediaType);
    await writeFile(join(reports_folder, name), text);
  }
  const deliverables = await deliveredOf(deps, project_id, state);
  const [first] = deliverables;
  return {
    project_id,
    state,
    reason,
    quality_score: await projectScore(db, project_id),
    metrics: await metricsOf(db, project_id),
    repository: first?.repository ?? null,
    tag: first?.tag ?? null,
    try_command: first?.try_command ?? null,
    deliverables,
    artifacts,
    reports_folder,
  };
}

type Db = ActivityDeps["db"];

async function metricsOf(db: Db, project_id: string): Promise<ProjectResult["metrics"]> {
  const tasks = await db
    .selectFrom("tasks")
    .select(["state", "attempt"])
    .where("project_id", "=", project_id)
    .execute();
  const { created_at } = await db
    .selectFrom("projects")
    .select("created_at")
    .where("id", "=", project_id)
    .executeTakeFirstOrThrow();
  const { usd } = await db
    .selectFrom("ledger")
    .select((eb) => eb.fn.sum<number | null>("usd").as("usd"))
    .where("project_id", "=", project_id)
    .executeTakeFirstOrThrow();
  return {
    tokens: await spentTokens(db, project_id),
    usd: Number(usd ?? 0),
    tasks_total: tasks.length,
    tasks_done: tasks.filter((task) => task.state === "done").length,
    attempts: tasks.reduce((sum, task) => sum + task.attempt, 0),
    duration_seconds: (Date.now() - created_at.getTime()) / 1000,
  };
}

/** The lowest of the deliverables' last scores as merged wholes; null when none was graded. */
async function projectScore(db: Db, project_id: string): Promise<number | null> {
  const rows = await db
    .selectFrom("events")
    .select("data")
    .where("project_id", "=", project_id)
    .where("type", "=", "kamachiq.review.scored")
    .where("subject", "=", project_id)
    .orderBy("sequence")
    .execute();
  const last = new Map(rows.map(({ data }) => [String(data["deliverable_id"]), Number(data["score"])]));
  return last.size === 0 ? null : Math.min(...last.values());
}

/** Where each deliverable is, in the plan's order, and how to try it. */
async function deliveredOf(
  deps: ActivityDeps,
  project_id: string,
  state: ProjectState,
): Promise<NonNullable<ProjectResult["deliverables"]>> {
  const { db } = deps;
  const project = await loadProject(deps, project_id);
  if (project.plan === null) return [];
  const repositories = await repositoriesOf(db, project_id);
  const tags = await tagsOf(db, project_id);
  const tryable = state === "delivered" || state === "partial";
  const { deliverables } = await loadPlan(deps, project.plan);
  return Promise.all(
    deliverables.map(async (deliverable) => {
      const { id } = deliverable;
      const repository = repositories.get(id) ?? null;
      const try_command = tryable && repository !== null ? await tryCommand(deps, deliverable, repository) : null;
      return { id, repository, tag: tags.get(`deliverable/${id}`) ?? null, try_command };
    }),
  );
}

async function repositoriesOf(db: Db, project_id: string): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom("resources")
    .select(["deliverable_id", "reference"])
    .where("project_id", "=", project_id)
    .where("kind", "=", "repository")
    .orderBy("deliverable_id")
    .execute();
  return new Map(rows.map(({ deliverable_id, reference }) => [deliverable_id, reference]));
}

/** Tags by the subjects of their events. */
async function tagsOf(db: Db, project_id: string): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom("events")
    .select(["subject", "data"])
    .where("project_id", "=", project_id)
    .where("type", "=", "kamachiq.complete.released")
    .execute();
  return new Map(rows.map(({ subject, data }) => [subject, String(data["tag"])]));
}

async function tryCommand(deps: ActivityDeps, deliverable: Deliverable, repository: string): Promise<string | null> {
  const { id, capsule: name = "", capsule_version, capsule_digest, parameters } = deliverable;
  const capsule = await deps.library.get(name, capsule_version, capsule_digest);
  const use = deps.renderer.tryCommand(capsule, parameters);
  return use === null ? null : `git clone ${repository} ${id} && cd ${id} && ${use}`;
}
