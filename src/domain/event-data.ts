import { z } from "zod";
import type { EventType, KamachiqEvent, NewEvent } from "./events.ts";
import { ArtifactRef } from "./ids.ts";
import { PROJECT_STATES } from "./intake.ts";
import { TASK_TYPES } from "./plan.ts";
import { PolicyDecision } from "./policy.ts";
import { Resource } from "./provision.ts";

// What every type of event carries. Writers and reports share these shapes. Unknown fields are dropped when read,
// so that a log written by a later version can still be reported on.

const started = z.object({});
const actor = z.string();
const tokens = z.int().nonnegative();
const milliseconds = z.number().nonnegative();
const score = z.number().min(0).max(1);
const attempt = z.int().positive();
const task = { deliverable_id: z.string(), task_id: z.string() };
const taskEnd = z.object({
  ...task,
  type: z.enum(TASK_TYPES),
  state: z.enum(["done", "failed", "skipped", "cancelled"]),
  score: score.nullable(),
  tokens,
  attempts: z.int().nonnegative(),
  commit: z.string().nullable(),
});
const taskEndWithReason = taskEnd.extend({ reason: z.string(), by_condition: z.boolean().optional() });

/** Tokens of one attempt; the counterpart of the `Usage` interface. */
export const UsageData = z.object({
  input_tokens: tokens,
  output_tokens: tokens,
  source: z.enum(["provider", "tokenizer"]),
  usd: z.number().nonnegative(),
});

/** `expired`: nobody answered in time. */
export const REVIEW_DECISIONS = ["approved", "rejected", "expired"] as const;
/** `revised`: another revision took its place. */
export const PLAN_DECISIONS = ["approved", "rejected", "revised", "expired"] as const;
export type PlanDecision = (typeof PLAN_DECISIONS)[number];
export const VERDICTS = ["approved", "needs_revision", "blocked"] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Schema of `data` by event type. */
export const EVENT_DATA = {
  "kamachiq.intake.accepted": z.object({
    name: z.string(),
    goals: z.array(z.string()),
    tenant: z.string(),
    region: z.string(),
    budget_tokens: tokens,
    quality_threshold: score,
    timeout_minutes: z.number().positive(),
    agent: z.string(),
    sandbox: z.string(),
    spec_digest: z.string(),
    actor,
  }),
  "kamachiq.intake.resumed": z.object({ actor }),
  "kamachiq.plan.started": started,
  "kamachiq.plan.decomposed": z.object({
    plan: ArtifactRef,
    planner: z.string(),
    match: z.array(z.string()),
    deliverables: z.int().nonnegative(),
    tasks: z.int().nonnegative(),
    estimated_tokens: tokens,
    /** What a model used to make it; absent where none was asked. */
    planning: UsageData.optional(),
  }),
  /** A model was asked, and no plan came of it. */
  "kamachiq.plan.failed": z.object({
    code: z.string(),
    reason: z.string(),
    model: z.string(),
    rounds: z.int().nonnegative(),
    planning: UsageData,
  }),
  "kamachiq.plan.approval_requested": z.object({ revision: z.int().positive(), plan: ArtifactRef }),
  "kamachiq.plan.approval_decided": z.object({
    revision: z.int().positive(),
    plan: ArtifactRef,
    decision: z.enum(PLAN_DECISIONS),
    actor,
    comment: z.string(),
  }),
  "kamachiq.plan.validated": z.object({
    plan: ArtifactRef,
    waves: z.int().nonnegative(),
    widest_wave: z.int().nonnegative(),
    critical_path_seconds: z.number().nonnegative(),
    budget_total: tokens,
  }),
  "kamachiq.policy.started": started,
  "kamachiq.policy.decided": z.object({ decision: PolicyDecision, action: z.string(), subject_id: z.string() }),
  "kamachiq.policy.blocked": z.object({
    deliverable_id: z.string(),
    decision_id: z.string(),
    reasons: z.array(z.string()),
  }),
  "kamachiq.policy.unblocked": z.object({
    deliverable_id: z.string(),
    decision_id: z.string(),
    actor,
    reason: z.string(),
  }),
  "kamachiq.provision.started": started,
  "kamachiq.provision.completed": z.object({ resources: z.array(Resource) }),
  "kamachiq.execute.started": started,
  "kamachiq.execute.task_started": z.object({
    ...task,
    type: z.enum(TASK_TYPES),
    persona: z.string(),
    agent: z.string(),
    attempt,
    decision_id: z.string(),
    reserved_tokens: tokens,
    /** What the plan estimates for the task. Where it is absent, the first reservation stands for the estimate. */
    estimated_tokens: tokens.optional(),
  }),
  "kamachiq.execute.agent_failed": z.object({
    ...task,
    attempt,
    /** Which failed execution of the attempt this is, from 1. */
    failure: z.int().positive(),
    /** The cause chain, outermost first, cut to 2,000 characters. */
    error: z.string(),
  }),
  "kamachiq.execute.task_produced": z.object({
    ...task,
    attempt,
    commit: z.string().nullable(),
    files: z.array(z.string()),
    usage: UsageData,
    output: ArtifactRef,
    duration_ms: milliseconds,
  }),
  "kamachiq.execute.task_merged": z.object({
    ...task,
    attempt,
    commit: z.string(),
    tip: z.string(),
    retest_ms: milliseconds,
  }),
  "kamachiq.execute.task_returned": z.object({
    ...task,
    attempt,
    reason: z.string(),
    /** How many findings go back to the agent. */
    findings: z.int().nonnegative(),
  }),
  "kamachiq.execute.task_completed": taskEnd,
  "kamachiq.execute.task_failed": taskEndWithReason,
  "kamachiq.execute.task_skipped": taskEndWithReason,
  "kamachiq.review.started": started,
  "kamachiq.review.scored": z.object({
    scope: z.enum(["task", "project"]),
    deliverable_id: z.string().nullable(),
    task_id: z.string().nullable(),
    attempt,
    score,
    approved: z.boolean(),
    metrics: z.record(z.string(), z.number().nullable()),
    vetoes: z.array(z.string()),
    report: ArtifactRef,
    duration_ms: milliseconds,
    checks: z.array(
      z.object({
        check: z.string(),
        passed: z.boolean(),
        duration_ms: milliseconds,
        counts: z.record(z.string(), z.number()),
      }),
    ),
  }),
  "kamachiq.review.requested": z.object({
    review_id: z.string(),
    scope: z.enum(["task", "project"]),
    task_id: z.string().nullable(),
    deliverable_id: z.string().nullable(),
    commit: z.string().nullable(),
    score,
  }),
  "kamachiq.review.decided": z.object({
    review_id: z.string(),
    decision: z.enum(REVIEW_DECISIONS),
    actor,
    comment: z.string(),
    commit: z.string().nullable(),
  }),
  "kamachiq.govern.started": started,
  "kamachiq.govern.reported": z.object({
    verdict: z.enum(VERDICTS),
    report: ArtifactRef,
    score: score.nullable(),
    notes: z.array(z.string()),
  }),
  "kamachiq.complete.started": started,
  "kamachiq.complete.released": z.object({
    tag: z.string(),
    commit: z.string(),
    decision_id: z.string(),
    notes: ArtifactRef,
  }),
  /** The last event; the reports are derived from the log up to and with it, so it can't refer to them. */
  "kamachiq.complete.finished": z.object({
    state: z.enum(PROJECT_STATES),
    reason: z.string().nullable(),
    score: score.nullable(),
    tokens,
    repository: z.string().nullable(),
  }),
} as const satisfies Record<EventType, z.ZodType>;

export type EventData<T extends EventType> = z.infer<(typeof EVENT_DATA)[T]>;

/** An event whose `data` is known from its `type`: narrow it with `switch (event.type)`. */
export type TypedEvent = {
  [T in EventType]: Omit<KamachiqEvent, "type" | "data"> & { type: T; data: EventData<T> };
}[EventType];

/** The event's data, checked. Throws a ZodError for an event that no writer of ours wrote. */
export function dataOf<T extends EventType>(event: KamachiqEvent & { type: T }): EventData<T> {
  return EVENT_DATA[event.type].parse(event.data) as EventData<T>;
}

/** The same event with checked and typed data. Throws as `dataOf` does. */
export function typedEvent(event: KamachiqEvent): TypedEvent {
  return { ...event, data: dataOf(event) } as TypedEvent;
}

/** A new event whose data the compiler checks against its type. `key` is written once a project. */
export function newEvent<T extends EventType>(key: string, type: T, subject: string, data: EventData<T>): NewEvent {
  return { key, type, subject, data };
}
