import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { Context } from "@temporalio/activity";
import { newEvent } from "../domain/event-data.ts";
import { KamachiqError } from "../domain/errors.ts";
import type { ProjectSpec } from "../domain/intake.ts";
import type { SuccessCriterion, TaskNode } from "../domain/plan.ts";
import type { CheckResult, QualityReport } from "../domain/review.ts";
import { scoreReport } from "../domain/score.ts";
import { recordArtifact } from "../persistence/artifacts.ts";
import type { EvaluationRequest, Evaluator } from "../ports/evaluator.ts";
import type { AgentActivities, AttemptKey, EvaluateResult } from "./contract.ts";
import { attemptPath } from "./agent.ts";
import { dependencyFolders } from "./dependencies.ts";
import type { ActivityDeps } from "./deps.ts";
import { loadWork, taskOf, type Work } from "./project.ts";
import { moveTask } from "./state.ts";
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
  commit: string;
  criteria: SuccessCriterion[];
  checks: string[];
  acceptance: ProjectSpec["acceptance"];
  changed: string[];
  mutants_max: number;
  /** Key of the event and subject of the artifact. */
  path: string;
}

type EvaluateActivities = Pick<AgentActivities, "evaluateQuality" | "evaluateProject">;

export function createEvaluateActivities(deps: ActivityDeps): EvaluateActivities {
  return {
    async evaluateQuality(input) {
      const work = await loadWork(deps, input.project_id, input.deliverable_id);
      const subject = await taskSubject(deps, work, taskOf(work, input.task_id), input);
      // A task that changes no files is graded on the tip, and has nothing to merge.
      return { ...(await evaluate(deps, work, subject)), commit: input.commit };
    },

    async evaluateProject({ project_id, deliverable_id, round }) {
      const work = await loadWork(deps, project_id, deliverable_id);
      return evaluate(deps, work, await projectSubject(deps, work, round));
    },
  };
}

async function taskSubject(
  { sourceControl }: ActivityDeps,
  work: Work,
  task: TaskNode,
  input: AttemptKey & { commit: string | null },
): Promise<Subject> {
  const tip = await sourceControl.tip(work.repository);
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
    changed: input.commit === null ? [] : await sourceControl.changedPaths(work.repository, tip, commit),
    mutants_max: MUTATION.task_mutants_max,
    path: attemptPath(input),
  };
}

async function projectSubject(
  { sourceControl, evaluators }: ActivityDeps,
  work: Work,
  round: number,
): Promise<Subject> {
  const stack = evaluatorOf(evaluators, work);
  return {
    scope: "project",
    deliverable_id: work.deliverable.id,
    task_id: null,
    attempt: round,
    commit: await sourceControl.tip(work.repository),
    criteria: work.graph.nodes.flatMap((node) =>
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

async function evaluate(deps: ActivityDeps, work: Work, subject: Subject): Promise<EvaluateResult> {
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
  return recordReport(deps, work, subject, report, performance.now() - began);
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

/** Gives `use` a folder with the commit's tree, and removes it afterwards. */
export async function withTree<T>(
  { scratch, sourceControl }: ActivityDeps,
  { repository }: Work,
  commit: string,
  use: (tree: string) => Promise<T>,
): Promise<T> {
  const tree = await mkdtemp(join(scratch, "tree-"));
  try {
    await sourceControl.materialize(repository, commit, tree);
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
  await record(db, project_id, [event], async (tx, fresh) => {
    await recordArtifact(tx, project_id, "quality_report", path, ref);
    if (task_id === null) return;
    if (fresh && attempt === 1) await recordSample(tx, work, task_id, duration_ms);
    await moveTask(tx, { project_id, deliverable_id, task_id }, approved ? "merging" : "reviewing", { score });
  });
  log(project_id).info({ subject: path, score, approved, vetoes, metrics, reasoning: report.reasoning }, "graded");
  const { findings } = report;
  const feedback = findings.length === 0 ? null : await artifacts.put(JSON.stringify({ findings }), "application/json");
  return { score, approved, report: ref, feedback, commit: subject.commit };
}
