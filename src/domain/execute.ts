/** At most this many quality attempts a task: the first and two remediations. Source: sprint 5, epic 5.4. */
export const QUALITY_ATTEMPTS_MAX = 3;
/** Retries of one attempt whose agent failed, after its first execution. Source: sprint 5, epic 5.3. */
export const AGENT_RETRIES_MAX = 3;

/** An attempt may use this many times the estimate before it is stopped. */
export const ATTEMPT_MARGIN = 1.5;

export const TASK_STATES = [
  "queued",
  "running",
  "reviewing",
  "merging",
  "remediating",
  "waiting",
  "done",
  "failed",
  "skipped",
  "blocked",
  "cancelled",
] as const;
export type TaskState = (typeof TASK_STATES)[number];

/** Tokens of one attempt, and where the number comes from. */
export interface Usage {
  input_tokens: number;
  output_tokens: number;
  /** `provider` reported it, or a `tokenizer` counted what was read and written. */
  source: "provider" | "tokenizer";
  usd: number;
}

/** How a task ended, for its parent's history. */
export interface TaskResult {
  task_id: string;
  state: "done" | "failed" | "skipped" | "cancelled";
  score: number | null;
  tokens: number;
  attempts: number;
  /** Merged commit, for tasks that change files. */
  commit: string | null;
  /** One line for a person. */
  reason: string | null;
  /** Skipped because a condition did not hold, not because something failed. */
  by_condition?: boolean;
}
