import type { VisibleSpec } from "../domain/intake.ts";
import type { TaskNode } from "../domain/plan.ts";
import type { Finding } from "../domain/review.ts";
import type { LoadedCapsule } from "../domain/capsule.ts";
import type { Usage } from "../domain/execute.ts";

export interface AgentTask {
  task: TaskNode;
  spec: VisibleSpec;
  capsule: LoadedCapsule;
  /** The deliverable's parameters, checked against the capsule's schema, defaults filled in. */
  parameters: Record<string, unknown>;
  /** Absolute path of the attempt's own worktree. */
  workspace: string;
  attempt: number;
  feedback: Finding[];
  /** Tokens that this attempt may use. */
  budget_tokens: number;
  signal: AbortSignal;
  /** Called at every step; the engine turns it into a heartbeat. */
  progress(step: { step: number; message: string; tokens: number }): void;
}

export interface AgentOutcome {
  /** What was done, for the log. At most 8,000 characters. */
  summary: string;
  usage: Usage;
  /** Paths written, relative to the workspace. */
  files: string[];
}

/** Whatever can turn a task and a workspace into work within a budget. */
export interface CodingAgent {
  readonly name: string;
  run(task: AgentTask): Promise<AgentOutcome>;
}
