import { z } from "zod";
import type { Stage } from "./intake.ts";

/** Every type of event, `kamachiq.<stage>.<verb>`; what is not listed can't be written. */
export const EVENT_TYPES = [
  "kamachiq.intake.accepted",
  "kamachiq.intake.resumed",
  "kamachiq.plan.started",
  "kamachiq.plan.decomposed",
  "kamachiq.plan.failed",
  "kamachiq.plan.approval_requested",
  "kamachiq.plan.approval_decided",
  "kamachiq.plan.validated",
  "kamachiq.policy.started",
  "kamachiq.policy.decided",
  "kamachiq.policy.blocked",
  "kamachiq.policy.unblocked",
  "kamachiq.provision.started",
  "kamachiq.provision.completed",
  "kamachiq.execute.started",
  "kamachiq.execute.task_started",
  "kamachiq.execute.agent_failed",
  "kamachiq.execute.task_produced",
  "kamachiq.execute.task_merged",
  "kamachiq.execute.task_returned",
  "kamachiq.execute.task_completed",
  "kamachiq.execute.task_failed",
  "kamachiq.execute.task_skipped",
  "kamachiq.review.started",
  "kamachiq.review.scored",
  "kamachiq.review.requested",
  "kamachiq.review.decided",
  "kamachiq.govern.started",
  "kamachiq.govern.reported",
  "kamachiq.complete.started",
  "kamachiq.complete.released",
  "kamachiq.complete.finished",
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** A CloudEvents 1.0 event with our extensions. `sequence` counts from 1 within the project, without gaps. */
export const KamachiqEvent = z.strictObject({
  specversion: z.literal("1.0"),
  id: z.string(),
  type: z.enum(EVENT_TYPES),
  source: z.string(),
  subject: z.string(),
  time: z.string(),
  datacontenttype: z.literal("application/json"),
  data: z.record(z.string(), z.json()),
  project: z.string(),
  sequence: z.int().positive(),
  workflowid: z.string(),
  runid: z.string(),
  tenant: z.string(),
  region: z.string(),
  traceparent: z.string(),
});
export type KamachiqEvent = z.infer<typeof KamachiqEvent>;

/** An event before the store gives it its sequence and time. The same `key` is written once a project. */
export interface NewEvent {
  /** Idempotency key within the project: `task/ops/1/produced`. */
  key: string;
  type: EventType;
  /** What it is about: `task/ops`, `deliverable/calculator`, or the project's id. */
  subject: string;
  data: Record<string, unknown>;
}

export function stageOf(type: EventType): Stage {
  return type.split(".")[1] as Stage;
}
