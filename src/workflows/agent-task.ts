import {
  CancellationScope,
  executeChild,
  getExternalWorkflowHandle,
  isCancellation,
  setHandler,
  workflowInfo,
} from "@temporalio/workflow";
import type { AttemptKey, SpawnResult } from "../activities/contract.ts";
import { QUALITY_ATTEMPTS_MAX, type TaskResult } from "../domain/execute.ts";
import { records, regional, type Regional } from "./activities.ts";
import { reasonOf } from "./failures.ts";
import { HumanReviewWorkflow } from "./human-review.ts";
import { reportSignal, taskEndedSignal, taskWorkflowId, waitingSignal } from "./messages.ts";

export interface AgentTaskInput {
  project_id: string;
  region: string;
  deliverable_id: string;
  task_id: string;
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
  await CancellationScope.nonCancellable(() => run.report(result));
  return result;
}

class TaskRun {
  private readonly region: Regional;
  private readonly input: AgentTaskInput;
  /** The last attempt wrote the task's end together with its own. */
  private onRecord = false;
  /** The run that started this task is no more. */
  private orphaned = false;
  private tokens = 0;
  private attempts = 0;
  private score: number | null = null;
  private commit: string | null = null;

  constructor(input: AgentTaskInput) {
    this.input = input;
    this.region = regional(input.region);
    setHandler(reportSignal, () => {
      this.orphaned = true;
    });
  }

  async toEnd(): Promise<TaskResult> {
    let last: SpawnResult | undefined;
    for (let attempt = 1; attempt <= QUALITY_ATTEMPTS_MAX; attempt++) {
      const decision = await this.askPolicy(attempt);
      if (!decision.allowed) return this.ended("failed", `Policy forbids the agent: ${decision.reasons.join("; ")}`);
      last = await this.attempt(attempt, decision.decision_id, last);
      if (last.promoted) return this.ended("done", null);
    }
    return this.askPerson(last as SpawnResult);
  }

  /** Puts the end on record, and tells a deliverable that has continued as new since this task began. */
  async report(result: TaskResult): Promise<void> {
    const { project_id, deliverable_id } = this.input;
    if (!this.onRecord) await records.recordTaskEnd({ project_id, deliverable_id, result });
    const { parent } = workflowInfo();
    if (!this.orphaned || parent === undefined) return;
    await getExternalWorkflowHandle(parent.workflowId)
      .signal(taskEndedSignal, result)
      .catch(() => {}); // it has ended, and nobody waits any more
  }

  ended(state: TaskResult["state"], reason: string | null): TaskResult {
    const { task_id } = this.input;
    const { score, tokens, attempts, commit } = this;
    return { task_id, state, score, tokens, attempts, commit, reason };
  }

  private key(attempt: number): AttemptKey {
    const { project_id, deliverable_id, task_id } = this.input;
    return { project_id, deliverable_id, task_id, attempt };
  }

  private askPolicy(attempt: number) {
    const { project_id, deliverable_id, task_id } = this.key(attempt);
    const key = `spawn/${deliverable_id}/${task_id}/${attempt}`;
    return records.evaluatePolicy({ project_id, action: "agent.spawn", deliverable_id, task_id, key });
  }

  private async attempt(attempt: number, decision_id: string, last: SpawnResult | undefined): Promise<SpawnResult> {
    this.attempts = attempt;
    const mend = { feedback: last?.feedback ?? null, base: last?.base ?? null };
    const end = await this.region.agents.spawnAgent({ ...this.key(attempt), decision_id, ...mend });
    this.tokens = end.tokens;
    this.score = end.score;
    this.commit = end.tip;
    this.onRecord = end.promoted;
    return end;
  }

  private async askPerson(evaluation: SpawnResult): Promise<TaskResult> {
    const key = this.key(this.attempts);
    const { parent } = workflowInfo();
    const deliverable = parent && getExternalWorkflowHandle(parent.workflowId);
    await deliverable?.signal(waitingSignal, { id: key.task_id, waiting: true });
    const outcome = await executeChild(HumanReviewWorkflow, {
      workflowId: `${taskWorkflowId(key.project_id, key.deliverable_id, key.task_id)}/review`,
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
    const { commit } = evaluation;
    if (commit === null) return this.ended("done", null);
    const merged = await this.region.steps.integrate({ ...key, commit });
    this.commit = merged.tip;
    return merged.status === "merged"
      ? this.ended("done", null)
      : this.ended("failed", "Approved, but it does not merge onto the tip.");
  }
}
