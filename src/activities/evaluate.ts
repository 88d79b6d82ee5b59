import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { Context } from "@temporalio/activity";
import { type EventData, newEvent } from "../domain/event-data.ts";
import type { TaskResult } from "../domain/execute.ts";
import type { ArtifactRef } from "../domain/ids.ts";
import { KamachiqError } from "../domain/errors.ts";
import type { ProjectSpec } from "../domain/intake.ts";
import type { SuccessCriterion, TaskNode } from "../domain/plan.ts";
import { type CheckResult, type Finding, QualityReport } from "../domain/review.ts";
import { scoreReport } from "../domain/score.ts";
import { recordArtifact } from "../persistence/artifacts.ts";
import type { EvaluationRequest, Evaluator } from "../ports/evaluator.ts";
import type { AgentActivities, AttemptKey, EvaluateResult } from "./contract.ts";
import { attemptPath } from "./agent.ts";
import { dependencyFolders } from "./dependencies.ts";
import type { ActivityDeps } from "./deps.ts";
import { loadWork, type Work } from "./project.ts";
import { doneResult, endEvent, moveTask } from "./state.ts";
import { recordSample } from "./task-history.ts";
import { record } from "./transaction.ts";

/** Mutants drawn for one task, and for the merged whole; the floor is the share that a suite must kill. Source: issue on the calculator's review (80 %). */
const MUTATION = { task_mutants_max: 40, project_mutants_max: 120, floor: 0.8, seed: 1, wall_ms: 60_000 };

/** What is graded: one attempt's tree, or the merged whole. */
interface Subject {
  scope: "task" | "project";
  deliverable_id: string;
  task_id: string | null;
  attempt: number;
  /** Null: there is no repository, and nothing but outputs is graded. */
  commit: string | null;
  criteria: SuccessCriterion[];
  checks: string[];
  acceptance: ProjectSpec["acceptance"];
  changed: string[];
  mutants_max: number;
  /** Key of the event and subject of the artifact. */
  path: string;
}

export function createEvaluateActivities(deps: ActivityDeps): Pick<AgentActivities, "evaluateQuality"> {
  return {
    async evaluateQuality({ project_id, deliverable_id, round }) {
      const work = await loadWork(deps, project_id, deliverable_id);
      return evaluate(deps, work, await projectSubject(deps, work, round), () => null);
    },
  };
}

/** Grades what an attempt left; what an earlier execution of the attempt found stands. A task without a commit that is approved is done. */
export async function evaluateTask(
  deps: ActivityDeps,
  work: Work,
  task: TaskNode,
  input: AttemptKey & { commit: string | null; tokens: number },
  earlier: EventData<"kamachiq.review.scored"> | undefined,
): Promise<EvaluateResult> {
  const { commit } = input;
  // A task that changes no files is graded on the tip, and has nothing to merge.
  if (earlier !== undefined) return { ...(await gradedBefore(deps, earlier)), commit };
  const subject = await taskSubject(deps, work, task, input);
  const end = ({ approved, score }: QualityReport): TaskResult | null => {
    return approved && commit === null ? doneResult(input, score, null) : null;
  };
  return { ...(await evaluate(deps, work, subject, end)), commit };
}

async function gradedBefore(
  { artifacts }: ActivityDeps,
  { score, approved, report }: EventData<"kamachiq.review.scored">,
): Promise<Omit<EvaluateResult, "commit">> {
  const { findings } = QualityReport.parse(await artifacts.getJson(report));
  return { score, approved, report, feedback: await storeFindings(artifacts, findings) };
}

async function taskSubject(
  { sourceControl }: ActivityDeps,
  work: Work,
  task: TaskNode,
  input: AttemptKey & { commit: string | null },
): Promise<Subject> {
  const { repository } = work.plan.provisioning;
  const tip = repository ? await sourceControl.tip(work.repository) : null;
  const commit = input.commit ?? tip;
  return {
    scope: "task",
    deliverable_id: input.deliverable_id,
    task_id: task.id,
    attempt: input.attempt,
    commit,
    criteria: task.success_criteria,
    checks: task.checks,
    acceptance: [],
    changed:
      input.commit === null || tip === null ? [] : await sourceControl.changedPaths(work.repository, tip, input.commit),
    mutants_max: MUTATION.task_mutants_max,
    path: attemptPath(input),
  };
}

/** Of a deliverable that succeeded: what no condition wanted. */
async function skippedTasks({ db }: ActivityDeps, { project, deliverable }: Work): Promise<Set<string>> {
  const rows = await db
    .selectFrom("tasks")
    .select("task_id")
    .where("project_id", "=", project.id)
    .where("deliverable_id", "=", deliverable.id)
    .where("state", "=", "skipped")
    .execute();
  return new Set(rows.map(({ task_id }) => task_id));
}

async function projectSubject(deps: ActivityDeps, work: Work, round: number): Promise<Subject> {
  const { sourceControl, evaluators } = deps;
  const stack = evaluatorOf(evaluators, work);
  const skipped = await skippedTasks(deps, work);
  const needed = work.graph.nodes.filter(({ id }) => !skipped.has(id));
  return {
    scope: "project",
    deliverable_id: work.deliverable.id,
    task_id: null,
    attempt: round,
    commit: work.plan.provisioning.repository ? await sourceControl.tip(work.repository) : null,
    criteria: needed.flatMap((node) =>
      node.success_criteria.map((criterion) => ({ ...criterion, id: `${node.id}/${criterion.id}` })),
    ),
    checks: [...stack.checks, ...work.capsule.capsule.probes.map((probe) => probe.id)],
    acceptance: work.project.spec.acceptance.filter(
      ({ deliverable: id = work.deliverable.id }) => id === work.deliverable.id,
    ),
    changed: [],
    mutants_max: MUTATION.project_mutants_max,
    path: `whole/${work.deliverable.id}/${round}`,
  };
}

/** `end`: how the task ends with this report, if it does; it is written together with the report. */
async function evaluate(
  deps: ActivityDeps,
  work: Work,
  subject: Subject,
  end: (report: QualityReport) => TaskResult | null,
): Promise<EvaluateResult> {
  const began = performance.now();
  const checks = await runChecks(deps, work, subject);
  const report = scoreReport({
    subject: subject.path,
    commit: subject.commit,
    threshold: work.project.spec.quality_threshold,
    criteria: subject.criteria,
    checks,
    reviewer: "execution",
    sandbox: deps.sandbox,
  });
  return recordReport(deps, work, subject, report, performance.now() - began, end(report));
}

/** Runs the checks on a checkout of the commit that holds nothing else and is thrown away. */
async function runChecks(deps: ActivityDeps, work: Work, subject: Subject): Promise<CheckResult[]> {
  const stack = evaluatorOf(deps.evaluators, work);
  const probes = deps.renderer
    .probes(work.capsule, work.deliverable.parameters, work.spec)
    .filter((probe) => subject.checks.includes(probe.id));
  const request: Omit<EvaluationRequest, "tree"> = {
    checks: subject.checks.filter((name) => stack.checks.includes(name)),
    probes: subject.scope === "project" ? probes.map((probe) => qualify(probe, work)) : probes,
    acceptance: subject.acceptance,
    changed: subject.changed,
    dependencies: await dependencyFolders(deps, work),
    mutation: { ...MUTATION, mutants_max: subject.mutants_max },
    signal: Context.current().cancellationSignal,
  };
  return withTree(deps, work, subject.commit, (tree) => stack.evaluate({ ...request, tree }));
}

/** On the whole, a probe proves the criterion of every task that names it. */
function qualify<T extends { proves: string[] }>(probe: T, { graph }: Work): T {
  const proves = graph.nodes.flatMap((node) =>
    node.success_criteria.filter(({ id }) => probe.proves.includes(id)).map(({ id }) => `${node.id}/${id}`),
  );
  return { ...probe, proves };
}

export function evaluatorOf(evaluators: readonly Evaluator[], { capsule }: Work): Evaluator {
  const { stack, id } = capsule.capsule;
  const evaluator = evaluators.find((candidate) => candidate.stack === stack);
  if (evaluator !== undefined) return evaluator;
  throw new KamachiqError(`Capsule ${id} delivers ${stack ?? "no stack"}, and there is no evaluator for it.`, {
    code: "evaluator_missing",
    remedy: `Stacks that can be graded: ${evaluators.map((known) => known.stack).join(", ")}.`,
  });
}

/** Gives `use` a folder with the commit's tree, or an empty one, and removes it afterwards. */
export async function withTree<T>(
  { scratch, sourceControl }: ActivityDeps,
  { repository }: Work,
  commit: string | null,
  use: (tree: string) => Promise<T>,
): Promise<T> {
  const tree = await mkdtemp(join(scratch, "tree-"));
  try {
    if (commit !== null) await sourceControl.materialize(repository, commit, tree);
    return await use(tree);
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

async function recordReport(
  { db, artifacts, log }: ActivityDeps,
  work: Work,
  subject: Subject,
  report: QualityReport,
  duration_ms: number,
  end: TaskResult | null,
): Promise<EvaluateResult> {
  const project_id = work.project.id;
  const { scope, deliverable_id, task_id, attempt, path } = subject;
  const { score, approved, metrics, vetoes } = report;
  const ref = await artifacts.put(JSON.stringify(report), "application/json");
  const event = newEvent(
    `${path}/scored`,
    "kamachiq.review.scored",
    task_id === null ? project_id : `task/${task_id}`,
    {
      scope,
      deliverable_id,
      task_id,
      attempt,
      score,
      approved,
      metrics,
      vetoes,
      report: ref,
      duration_ms,
      checks: report.evidence.map((one) => ({
        check: one.check,
        passed: one.passed,
        duration_ms: one.duration_ms,
        counts: one.counts,
      })),
    },
  );
  const events = end === null ? [event] : [event, endEvent(work, end)];
  await record(db, project_id, events, async (tx, fresh) => {
    await recordArtifact(tx, project_id, "quality_report", path, ref);
    if (task_id === null) return;
    if (fresh && attempt === 1) await recordSample(tx, work, task_id, duration_ms);
    const at = { project_id, deliverable_id, task_id };
    if (end === null) await moveTask(tx, at, approved ? "merging" : "reviewing", { score });
    else await moveTask(tx, at, end.state, { score, ended_at: new Date() });
  });
  log(project_id).info({ subject: path, score, approved, vetoes, metrics, reasoning: report.reasoning }, "graded");
  const feedback = await storeFindings(artifacts, report.findings);
  return { score, approved, report: ref, feedback, commit: subject.commit };
}

async function storeFindings(artifacts: ActivityDeps["artifacts"], findings: Finding[]): Promise<ArtifactRef | null> {
  return findings.length === 0 ? null : artifacts.put(JSON.stringify({ findings }), "application/json");
}
