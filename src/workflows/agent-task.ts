import {
  CancellationScope,
  executeChild,
  getExternalWorkflowHandle,
  isCancellation,
  workflowInfo,
} from "@temporalio/workflow";
import type { AttemptKey, EvaluateResult } from "../activities/contract.ts";
import { QUALITY_ATTEMPTS_MAX, type TaskResult } from "../domain/execute.ts";
import type { ArtifactRef } from "../domain/ids.ts";
import type { TaskRef } from "../domain/plan.ts";
import { records, regional, type Regional } from "./activities.ts";
import { reasonOf } from "./failures.ts";
import { HumanReviewWorkflow } from "./human-review.ts";
import { waitingSignal } from "./messages.ts";

export interface AgentTaskInput {
  project_id: string;
  region: string;
  deliverable_id: string;
  task: TaskRef;
}

/** Where a task stands after an attempt: promoted, or with what has to be mended. */
interface AttemptEnd {
  promoted: boolean;
  evaluation: EvaluateResult;
  feedback: ArtifactRef | null;
  /** What the next attempt mends; null: it starts from the tip. */
  base: string | null;
}

/** One task: at most three graded attempts, then a person. Approved work is merged before it counts. */
export async function AgentTaskWorkflow(input: AgentTaskInput): Promise<TaskResult> {
  const run = new TaskRun(input);
  let result: TaskResult;
  try {
    result = await run.toEnd();
  } catch (error) {
    result = run.ended(isCancellation(error) ? "cancelled" : "failed", reasonOf(error));
  }
  await CancellationScope.nonCancellable(() =>
    records.recordTaskEnd({ project_id: input.project_id, deliverable_id: input.deliverable_id, result }),
  );
  return result;
}

class TaskRun {
  private readonly region: Regional;
  private readonly input: AgentTaskInput;
  private tokens = 0;
  private attempts = 0;
  private score: number | null = null;
  private commit: string | null = null;

  constructor(input: AgentTaskInput) {
    this.input = input;
    this.region = regional(input.region);
  }

  async toEnd(): Promise<TaskResult> {
    let last: AttemptEnd | undefined;
    for (let attempt = 1; attempt <= QUALITY_ATTEMPTS_MAX; attempt++) {
      const decision = await this.askPolicy(attempt);
      if (!decision.allowed) return this.ended("failed", `Policy forbids the agent: ${decision.reasons.join("; ")}`);
      last = await this.attempt(attempt, decision.decision_id, last);
      if (last.promoted) return this.ended("done", null);
    }
    return this.askPerson(last as AttemptEnd);
  }

  ended(state: TaskResult["state"], reason: string | null): TaskResult {
    const { task } = this.input;
    const { score, tokens, attempts, commit } = this;
    return { task_id: task.id, state, score, tokens, attempts, commit, reason };
  }

  private key(attempt: number): AttemptKey {
    const { project_id, deliverable_id, task } = this.input;
    return { project_id, deliverable_id, task_id: task.id, attempt };
  }

  private askPolicy(attempt: number) {
    const { project_id, deliverable_id, task_id } = this.key(attempt);
    const key = `spawn/${deliverable_id}/${task_id}/${attempt}`;
    return records.evaluatePolicy({ project_id, action: "agent.spawn", deliverable_id, task_id, key });
  }

  private async attempt(attempt: number, decision_id: string, last: AttemptEnd | undefined): Promise<AttemptEnd> {
    this.attempts = attempt;
    const key = this.key(attempt);
    const feedback = last?.feedback ?? null;
    const work = await this.region.agents.spawnAgent({ ...key, decision_id, feedback, base: last?.base ?? null });
    this.tokens += work.tokens;
    const evaluation = await this.region.steps.evaluateQuality({ ...key, commit: work.commit });
    this.score = evaluation.score;
    if (!evaluation.approved) {
      return { promoted: false, evaluation, feedback: evaluation.feedback, base: evaluation.commit };
    }
    return this.merge(key, evaluation);
  }

  private async merge(key: AttemptKey, evaluation: EvaluateResult): Promise<AttemptEnd> {
    if (evaluation.commit === null) return { promoted: true, evaluation, feedback: null, base: null };
    const merged = await this.region.steps.integrate({ ...key, commit: evaluation.commit });
    if (merged.status === "merged") this.commit = merged.tip;
    return { promoted: merged.status === "merged", evaluation, feedback: merged.feedback, base: null };
  }

  private async askPerson({ evaluation }: AttemptEnd): Promise<TaskResult> {
    const key = this.key(this.attempts);
    const { workflowId, parent } = workflowInfo();
    const deliverable = parent && getExternalWorkflowHandle(parent.workflowId);
    await deliverable?.signal(waitingSignal, { id: key.task_id, waiting: true });
    const outcome = await executeChild(HumanReviewWorkflow, {
      workflowId: `${workflowId}/review`,
      args: [
        {
          review_id: `${key.project_id}.${key.deliverable_id}.${key.task_id}`,
          scope: "task" as const,
          project_id: key.project_id,
          deliverable_id: key.deliverable_id,
          task_id: key.task_id,
          commit: evaluation.commit,
          report: evaluation.report,
          score: evaluation.score,
        },
      ],
    });
    await deliverable?.signal(waitingSignal, { id: key.task_id, waiting: false });
    if (outcome.decision !== "approved") {
      return this.ended("failed", `${outcome.decision} by ${outcome.actor}: ${outcome.comment}`);
    }
    const end = await this.merge(key, evaluation);
    return end.promoted
      ? this.ended("done", null)
      : this.ended("failed", "Approved, but it does not merge onto the tip.");
  }
}
