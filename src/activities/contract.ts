import type { PlanDecision } from "../domain/event-data.ts";
import type { ArtifactRef } from "../domain/ids.ts";
import type { ProjectState, Stage } from "../domain/intake.ts";
import type { TaskResult } from "../domain/execute.ts";
import type { ValidatedPlan } from "../domain/plan.ts";
import type { Action, PolicyDecision } from "../domain/policy.ts";
import type { ProjectResult } from "../domain/result.ts";
import type { Finding } from "../domain/review.ts";

/** Which task, and which of its quality attempts (1 to 3). */
export interface AttemptKey {
  project_id: string;
  deliverable_id: string;
  task_id: string;
  attempt: number;
}

/** A decision as workflows see it: enough to go on or to stop. */
export type DecisionSummary = Pick<PolicyDecision, "decision_id" | "allowed" | "score"> & { reasons: string[] };

export interface PolicyQuestion {
  project_id: string;
  action: Action;
  deliverable_id: string;
  /** For `agent.spawn`. */
  task_id?: string;
  /** The same key gets the same recorded answer. */
  key: string;
  /** An entitled person lets it through: recorded as an override. */
  override?: { actor: string; reason: string };
}

export interface SpawnInput extends AttemptKey {
  decision_id: string;
  feedback: ArtifactRef | null;
  /** The last attempt's commit, to be mended; null: the tip of the branch. */
  base: string | null;
}

/** How an attempt ended: promoted and on record as the task's end, or with what has to be mended. */
export interface SpawnResult extends EvaluateResult {
  promoted: boolean;
  /** Of all attempts of the task up to now. */
  tokens: number;
  /** What the next attempt mends; null: it starts from the tip. */
  base: string | null;
  /** The branch after the merge; null when nothing was merged. */
  tip: string | null;
}

export interface EvaluateResult {
  score: number;
  approved: boolean;
  report: ArtifactRef;
  /** Findings for the next attempt; null when there are none. */
  feedback: ArtifactRef | null;
  commit: string | null;
}

export interface IntegrateResult {
  status: "merged" | "conflict" | "red";
  tip: string | null;
  feedback: ArtifactRef | null;
}

export interface ReviewRequest {
  review_id: string;
  project_id: string;
  scope: "task" | "project";
  deliverable_id: string | null;
  task_id: string | null;
  commit: string | null;
  report: ArtifactRef;
  score: number;
}

export interface ReviewOutcome {
  decision: "approved" | "rejected" | "expired";
  actor: string;
  comment: string;
}

export interface PlanRevision {
  project_id: string;
  plan: ArtifactRef;
  /** From 1. */
  revision: number;
}

export interface PlanAnswer {
  decision: PlanDecision;
  actor: string;
  comment: string;
  /** For `revised`: the plan that is to be looked at next. */
  plan: ArtifactRef | null;
}

export interface TaskEnd {
  project_id: string;
  deliverable_id: string;
  result: TaskResult;
}

/** A task graph as the scheduler needs it, by position: a few bytes a task, for it stands in a history. */
export interface TaskGraphSketch {
  ids: string[];
  /** Positions of what each depends on. */
  dependencies: number[][];
  /** Estimates. */
  seconds: number[];
  /** Tasks of one number are alike, so that what one took says something of the others. */
  kinds: number[];
  /** Positions of tasks with a condition. */
  conditional: number[];
}

export interface SkippedTask {
  task_id: string;
  reason: string;
  /** A condition did not hold; otherwise something before it failed. */
  by_condition: boolean;
}

type DeliverableKey = Pick<AttemptKey, "project_id" | "deliverable_id">;

/** Decide and record; on the control queue. Each may be repeated and then changes nothing more. */
export interface ControlActivities {
  startStage(input: { project_id: string; stage: Stage }): Promise<void>;
  setProjectState(input: { project_id: string; state: ProjectState; reason: string | null }): Promise<void>;
  decomposeProject(input: { project_id: string }): Promise<{ plan: ArtifactRef }>;
  validateTaskGraph(input: { project_id: string; plan: ArtifactRef }): Promise<ValidatedPlan>;
  openPlanApproval(input: PlanRevision): Promise<void>;
  /** A revised plan takes the place of the one before it. */
  closePlanApproval(input: PlanRevision & { answer: PlanAnswer }): Promise<void>;
  evaluatePolicy(question: PolicyQuestion): Promise<DecisionSummary>;
  recordBlocked(input: { project_id: string; deliverable_id: string; decision: DecisionSummary }): Promise<void>;
  recordUnblocked(input: {
    project_id: string;
    deliverable_id: string;
    decision_id: string;
    actor: string;
    reason: string;
  }): Promise<void>;
  sketchTaskGraph(input: DeliverableKey & { plan: ArtifactRef }): Promise<TaskGraphSketch>;
  /** Whether the `when` of a task holds, now that all that it depends on has ended. */
  askCondition(input: DeliverableKey & { task_id: string }): Promise<boolean>;
  recordTaskEnd(input: TaskEnd): Promise<void>;
  /** At most 500 tasks at once. */
  recordSkipped(input: DeliverableKey & { tasks: SkippedTask[] }): Promise<void>;
  /** Of these tasks, those that have ended. */
  findTaskEnds(input: DeliverableKey & { task_ids: string[] }): Promise<TaskResult[]>;
  openReview(request: ReviewRequest): Promise<void>;
  closeReview(input: { review_id: string; project_id: string; outcome: ReviewOutcome }): Promise<void>;
  reviewGovernance(input: {
    project_id: string;
  }): Promise<{ verdict: "approved" | "needs_revision" | "blocked"; reasons: string[] }>;
  finalizeProject(input: { project_id: string; state: ProjectState; reason: string | null }): Promise<ProjectResult>;
}

/** Touch repositories, workspaces and agents; on the region's queue. */
export interface AgentActivities {
  provision(input: { project_id: string; deliverable_id: string; decision_id: string }): Promise<{ resources: number }>;
  /** One attempt: the agent's work, the gate, the merge. What is on record of it is not done again when it is repeated. */
  spawnAgent(input: SpawnInput): Promise<SpawnResult>;
  integrate(input: AttemptKey & { commit: string }): Promise<IntegrateResult>;
  /** Grades the merged whole of a deliverable's repository in a clean checkout, with the held-out checks. */
  evaluateQuality(input: { project_id: string; deliverable_id: string; round: number }): Promise<EvaluateResult>;
  cleanUp(input: { project_id: string }): Promise<void>;
  promote(input: {
    project_id: string;
    deliverable_id: string;
    decision_id: string;
    commit: string;
  }): Promise<{ tag: string }>;
}

export interface Feedback {
  findings: Finding[];
}
