import { z } from "zod";
import { REVIEW_DECISIONS, VERDICTS } from "./event-data.ts";
import { ArtifactRef } from "./ids.ts";
import { PROJECT_STATES, STAGES } from "./intake.ts";
import { Resource } from "./provision.ts";

const tokens = z.int().nonnegative();
const seconds = z.number().nonnegative();
const score = z.number().min(0).max(1);
const sequence = z.int().positive();

const Share = z.strictObject({ name: z.string(), tokens, usd: z.number().nonnegative() });
export type Share = z.infer<typeof Share>;

const TaskLine = z.strictObject({
  deliverable_id: z.string(),
  task_id: z.string(),
  type: z.string(),
  persona: z.string(),
  state: z.enum(["done", "failed", "skipped", "cancelled", "unfinished"]),
  reason: z.string().nullable(),
  score: score.nullable(),
  attempts: z.int().nonnegative(),
  tokens,
  estimated_tokens: tokens.nullable(),
  commit: z.string().nullable(),
  /** ISO 8601; null for a task that never started or never ended. */
  started_at: z.string().nullable(),
  ended_at: z.string().nullable(),
  /** Time of the agent, of the checks and of the tests after the merge, over all attempts. */
  agent_seconds: seconds,
  review_seconds: seconds,
  retest_seconds: seconds,
  events: z.array(sequence),
});
export type TaskLine = z.infer<typeof TaskLine>;

/** What a run made, what it cost and how long it took. Derived from the event log alone; `event` and `events` are its sequences. */
export const CompletionReport = z.strictObject({
  project: z.string(),
  name: z.string(),
  goals: z.array(z.string()),
  tenant: z.string(),
  region: z.string(),
  agent: z.string(),
  sandbox: z.string(),
  outcome: z.strictObject({
    /** `unfinished`: the log ends before the run did. */
    state: z.enum([...PROJECT_STATES, "unfinished"]),
    reason: z.string().nullable(),
    score: score.nullable(),
    repository: z.string().nullable(),
    event: sequence.nullable(),
  }),
  release: z.strictObject({ tag: z.string(), commit: z.string(), decision_id: z.string(), event: sequence }).nullable(),
  governance: z.strictObject({ verdict: z.enum(VERDICTS), notes: z.array(z.string()), event: sequence }).nullable(),
  deliverables: z.array(
    z.strictObject({
      id: z.string(),
      tasks: z.int(),
      done: z.int(),
      tokens,
      blocked: z.boolean(),
      score: score.nullable(),
    }),
  ),
  tasks: z.array(TaskLine),
  /** The four lists sum to `tokens` and `usd`, each. */
  spend: z.strictObject({
    tokens,
    usd: z.number().nonnegative(),
    budget_tokens: tokens,
    estimated_tokens: tokens,
    by_deliverable: z.array(Share),
    by_task: z.array(Share),
    by_persona: z.array(Share),
    /** `provider` reported the number, or a `tokenizer` counted what was read and written. */
    by_source: z.array(Share),
  }),
  timeline: z.strictObject({
    started_at: z.string().nullable(),
    ended_at: z.string().nullable(),
    seconds,
    review_seconds: seconds,
    stages: z.array(z.strictObject({ stage: z.enum(STAGES), started_at: z.string(), seconds, event: sequence })),
    resumed: z.array(z.strictObject({ time: z.string(), actor: z.string(), event: sequence })),
  }),
  /** Grades of the merged wholes, oldest first. */
  scores: z.array(
    z.strictObject({
      deliverable_id: z.string().nullable(),
      score,
      approved: z.boolean(),
      metrics: z.record(z.string(), z.number().nullable()),
      vetoes: z.array(z.string()),
      checks: z.array(
        z.strictObject({ check: z.string(), passed: z.boolean(), counts: z.record(z.string(), z.number()) }),
      ),
      event: sequence,
    }),
  ),
  reviews: z.array(
    z.strictObject({
      review_id: z.string(),
      scope: z.enum(["task", "project"]),
      subject: z.string(),
      score,
      decision: z.enum([...REVIEW_DECISIONS, "open"]),
      actor: z.string().nullable(),
      comment: z.string().nullable(),
      events: z.array(sequence),
    }),
  ),
  blocked: z.array(
    z.strictObject({
      deliverable_id: z.string(),
      decision_id: z.string(),
      reasons: z.array(z.string()),
      /** Who let it through; null while it is blocked. */
      resolved: z.strictObject({ actor: z.string(), reason: z.string(), event: sequence }).nullable(),
      event: sequence,
    }),
  ),
  resources: z.array(Resource.extend({ event: sequence })),
  artifacts: z.array(z.strictObject({ kind: z.string(), subject: z.string(), ref: ArtifactRef, event: sequence })),
  decisions: z.strictObject({ total: z.int(), allowed: z.int(), denied: z.int() }),
  events: z.int().nonnegative(),
});
export type CompletionReport = z.infer<typeof CompletionReport>;
