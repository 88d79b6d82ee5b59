import { z } from "@hono/zod-openapi";
import { KamachiqEvent } from "../domain/events.ts";
import { TASK_STATES } from "../domain/execute.ts";
import { ArtifactRef } from "../domain/ids.ts";
import { PROJECT_STATES, STAGES } from "../domain/intake.ts";
import { Plan, TASK_TYPES } from "../domain/plan.ts";
import { WorkEstimate } from "../domain/plan-estimate.ts";
import { Violation } from "../domain/policy.ts";
import { RESOURCE_KINDS } from "../domain/provision.ts";
import { QualityReport } from "../domain/review.ts";
import { documented } from "./validation.ts";

// What the API answers. Times are ISO 8601 in UTC, token counts are whole numbers, scores go from 0 to 1.

const time = z.iso.datetime();
const score = z.number().min(0).max(1);

export const ProjectResultView = z
  .object({
    project_id: z.string(),
    state: z.enum(PROJECT_STATES),
    reason: z.string().nullable(),
    quality_score: score.nullable(),
    metrics: z.object({
      tokens: z.int(),
      usd: z.number(),
      tasks_total: z.int(),
      tasks_done: z.int(),
      attempts: z.int(),
      duration_seconds: z.number(),
    }),
    repository: z.string().nullable(),
    tag: z.string().nullable(),
    try_command: z.string().nullable(),
    deliverables: z
      .array(
        z.object({
          id: z.string(),
          repository: z.string().nullable(),
          tag: z.string().nullable(),
          try_command: z.string().nullable(),
        }),
      )
      .optional(),
    artifacts: z.record(z.string(), ArtifactRef),
    reports_folder: z.string().nullable(),
  })
  .openapi("ProjectResult");

/** Something that only a person can move on. */
export const Waiting = z
  .discriminatedUnion("kind", [
    z.object({
      kind: z.literal("review"),
      review_id: z.string(),
      scope: z.enum(["task", "project"]),
      deliverable_id: z.string().nullable(),
      task_id: z.string().nullable(),
      score,
    }),
    z.object({ kind: z.literal("plan"), revision: z.int(), digest: z.string() }),
    z.object({
      kind: z.literal("blocked"),
      requeue_id: z.string(),
      deliverable_id: z.string(),
      reasons: z.array(z.string()),
      violations: z.array(Violation),
    }),
  ])
  .openapi("Waiting");
export type Waiting = z.infer<typeof Waiting>;

export const ProjectView = z
  .object({
    id: z.string(),
    name: z.string(),
    state: z.enum(PROJECT_STATES),
    stage: z.enum(STAGES),
    reason: z.string().nullable(),
    tenant: z.string(),
    region: z.string(),
    sandbox: z.string(),
    created_by: z.string(),
    created_at: time,
    finished_at: time.nullable(),
    /** Tokens. `reserved` is what running attempts may still use. */
    budget: z.object({ limit: z.int(), reserved: z.int(), spent: z.int() }),
    /** Number of tasks by state, those with none left out. */
    tasks: z.object({ total: z.int(), by_state: z.partialRecord(z.enum(TASK_STATES), z.int()) }),
    stages: z.array(z.object({ stage: z.enum(STAGES), started_at: time, ended_at: time.nullable() })),
    repository: z.string().nullable(),
    temporal_url: z.string().nullable(),
    waiting_for: z.array(Waiting),
    result: ProjectResultView.nullable(),
  })
  .openapi("Project");
export type ProjectView = z.infer<typeof ProjectView>;

/** `resumed`: an unfinished project was taken up instead of a new one being started. */
export const Accepted = ProjectView.extend({ resumed: z.boolean() }).openapi("AcceptedProject");
export type Accepted = z.infer<typeof Accepted>;

export const TaskView = z
  .object({
    deliverable_id: z.string(),
    task_id: z.string(),
    /** Place in the deliverable's topological order. */
    position: z.int(),
    type: z.enum(TASK_TYPES),
    persona: z.string(),
    title: z.string(),
    dependencies: z.array(z.string()),
    state: z.enum(TASK_STATES),
    attempt: z.int(),
    agent: z.string().nullable(),
    estimated_tokens: z.int(),
    tokens: z.int(),
    score: score.nullable(),
    commit: z.string().nullable(),
    reason: z.string().nullable(),
    started_at: time.nullable(),
    heartbeat_at: time.nullable(),
    ended_at: time.nullable(),
  })
  .openapi("Task");
export type TaskView = z.infer<typeof TaskView>;

export const GraphReportView = z.object({
  order: z.array(z.string()),
  waves: z.array(z.array(z.string())),
  widest_wave: z.int(),
  critical_path: z.array(z.string()),
  critical_path_seconds: z.number(),
});

export const PlanView = z
  .object({
    plan: documented("Plan", Plan),
    /** SHA-256 of the plan: what is approved, and the name of its artifact. */
    digest: z.string(),
    /** By deliverable. */
    reports: z.record(z.string(), GraphReportView),
    decisions: z.array(
      z.object({
        deliverable_id: z.string(),
        allowed: z.boolean(),
        score,
        threshold: score,
        violations: z.array(Violation),
      }),
    ),
    /** What it is expected to take, each task done at the first attempt. */
    estimate: z.object({ deliverables: z.record(z.string(), WorkEstimate), total: WorkEstimate }),
    /** What provisioning would make. */
    resources: z.array(z.object({ deliverable_id: z.string(), kind: z.enum(RESOURCE_KINDS) })),
  })
  .openapi("PlanPreview");
export type PlanView = z.infer<typeof PlanView>;

export const ArtifactView = ArtifactRef.clone()
  .extend({ kind: z.string(), subject: z.string(), created_at: time })
  .openapi("Artifact");

export const ReviewView = z
  .object({
    id: z.string(),
    project_id: z.string(),
    scope: z.enum(["task", "project"]),
    deliverable_id: z.string().nullable(),
    task_id: z.string().nullable(),
    commit: z.string().nullable(),
    score,
    state: z.enum(["open", "approved", "rejected", "expired"]),
    requested_at: time,
    decided_at: time.nullable(),
    decided_by: z.string().nullable(),
    comment: z.string().nullable(),
  })
  .openapi("Review");
export type ReviewView = z.infer<typeof ReviewView>;

export const ReviewDetail = ReviewView.extend({ report: documented("QualityReport", QualityReport) }).openapi(
  "ReviewDetail",
);
export type ReviewDetail = z.infer<typeof ReviewDetail>;

export const RequeueView = z
  .object({
    id: z.string(),
    project_id: z.string(),
    deliverable_id: z.string(),
    state: z.enum(["blocked", "resolved", "cancelled"]),
    decision_id: z.string(),
    reasons: z.array(z.string()),
    violations: z.array(Violation),
    constitution_hash: z.string(),
    created_at: time,
    resolved_at: time.nullable(),
    resolved_by: z.string().nullable(),
    resolution: z.string().nullable(),
  })
  .openapi("Requeue");
export type RequeueView = z.infer<typeof RequeueView>;

export const WorkflowView = z
  .object({
    workflow_id: z.string(),
    run_id: z.string(),
    type: z.string(),
    status: z.string(),
    task_queue: z.string(),
    started_at: time,
    closed_at: time.nullable(),
    history_events: z.int(),
    history_bytes: z.int().nullable(),
    temporal_url: z.string().nullable(),
  })
  .openapi("Workflow");
export type WorkflowView = z.infer<typeof WorkflowView>;

export const EventView = documented("Event", KamachiqEvent);
