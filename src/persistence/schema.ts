import type { ColumnType, Generated, JSONColumnType } from "kysely";
import type { EventType } from "../domain/events.ts";
import type { TaskState } from "../domain/execute.ts";
import type { ArtifactRef } from "../domain/ids.ts";
import type { ProjectSpec, ProjectState, Stage } from "../domain/intake.ts";
import type { PlanDecision } from "../domain/event-data.ts";
import type { PlannerOutput, TaskType } from "../domain/plan.ts";
import type { Violation } from "../domain/policy.ts";
import type { ResourceKind } from "../domain/provision.ts";
import type { CommitInfo } from "../ports/source-control.ts";
import type { ProjectResult } from "../domain/result.ts";

/** Set by the database when it is not given. */
type Timestamp = ColumnType<Date, Date | undefined, Date>;
type OptionalTimestamp = ColumnType<Date | null, Date | null | undefined, Date | null>;
type Json<T extends object> = JSONColumnType<T, string, string>;

export interface Database {
  projects: {
    id: string;
    tenant: string;
    region: string;
    name: string;
    spec: Json<ProjectSpec>;
    spec_digest: string;
    state: ProjectState;
    stage: Stage;
    reason: string | null;
    sandbox: string;
    workflow_id: string;
    traceparent: string;
    plan: ColumnType<ArtifactRef | null, string | null | undefined, string | null>;
    /** A person approves the plan before anything is done for it. */
    approve_plan: Generated<boolean>;
    result: ColumnType<ProjectResult | null, string | null | undefined, string | null>;
    event_sequence: Generated<number>;
    created_by: string;
    created_at: Timestamp;
    updated_at: Timestamp;
    finished_at: OptionalTimestamp;
  };
  events: {
    project_id: string;
    sequence: number;
    key: string;
    id: Generated<string>;
    type: EventType;
    subject: string;
    time: Timestamp;
    data: Json<Record<string, unknown>>;
    workflow_id: string;
    run_id: string;
  };
  tasks: {
    project_id: string;
    deliverable_id: string;
    task_id: string;
    position: number;
    type: TaskType;
    persona: string;
    title: string;
    dependencies: Json<string[]>;
    state: TaskState;
    attempt: Generated<number>;
    agent: string | null;
    estimated_tokens: number;
    tokens: Generated<number>;
    score: number | null;
    commit: string | null;
    reason: string | null;
    started_at: OptionalTimestamp;
    heartbeat_at: OptionalTimestamp;
    ended_at: OptionalTimestamp;
  };
  /** What the first attempt of each task took. */
  task_history: {
    project_id: string;
    deliverable_id: string;
    task_id: string;
    tenant: string;
    agent: string;
    type: TaskType;
    persona: string;
    capsule: string;
    capsule_version: string;
    checks: Json<string[]>;
    size_tokens: number;
    tokens: number;
    /** Of the agent and of grading its work. */
    seconds: number;
    recorded_at: Timestamp;
  };
  decisions: {
    decision_id: string;
    project_id: string;
    sequence: number;
    action: string;
    subject_id: string;
    allowed: boolean;
    score: number;
    threshold: number;
    violations: Json<Violation[]>;
    constitution_hash: string;
    input_hash: string;
    evaluated_at: Date;
  };
  budgets: {
    project_id: string;
    /** `project`, `deliverable/ID` or `task/DELIVERABLE/ID`. */
    scope: string;
    tokens_limit: number;
    tokens_reserved: Generated<number>;
    tokens_spent: Generated<number>;
  };
  ledger: {
    id: Generated<number>;
    project_id: string;
    deliverable_id: string;
    task_id: string;
    attempt: number;
    entry: "reserve" | "settle";
    tokens: number;
    usd: Generated<number>;
    source: string | null;
    created_at: Timestamp;
  };
  /** Every planning with a model that a person or program asked for; a project's own is in its ledger too. */
  plannings: {
    id: Generated<number>;
    tenant: string;
    name: string;
    model: string;
    rounds: number;
    input_tokens: number;
    output_tokens: number;
    source: "provider" | "tokenizer";
    usd: Generated<number>;
    reserve_tokens: number;
    /** `planned`, or the code of the error. */
    outcome: string;
    plan_digest: string | null;
    /** The project that was made of the plan. */
    project_id: string | null;
    planned_at: Timestamp;
  };
  reviews: {
    id: string;
    project_id: string;
    scope: "task" | "project";
    deliverable_id: string | null;
    task_id: string | null;
    commit: string | null;
    report: Json<ArtifactRef>;
    score: number;
    state: "open" | "approved" | "rejected" | "expired";
    workflow_id: string;
    requested_at: Timestamp;
    decided_at: OptionalTimestamp;
    decided_by: string | null;
    comment: string | null;
  };
  plan_approvals: {
    project_id: string;
    /** From 1; a revised plan is the next. */
    revision: number;
    plan: Json<ArtifactRef>;
    state: "open" | PlanDecision;
    requested_at: Timestamp;
    decided_at: OptionalTimestamp;
    decided_by: string | null;
    comment: string | null;
  };
  requeue: {
    id: string;
    project_id: string;
    deliverable_id: string;
    state: "blocked" | "resolved" | "cancelled";
    decision_id: string;
    reasons: Json<string[]>;
    constitution_hash: string;
    created_at: Timestamp;
    resolved_at: OptionalTimestamp;
    resolved_by: string | null;
    resolution: string | null;
  };
  merges: {
    project_id: string;
    repository: string;
    key: string;
    position: Generated<number>;
    commit: string;
    info: Json<CommitInfo>;
    state: "pending" | "merged" | "conflict" | "red";
    tip: string | null;
    report: string | null;
    retest_ms: number | null;
    /** A worker has taken it up; it may be on the branch, though its state does not say so yet. */
    claimed: Generated<boolean>;
  };
  resources: {
    project_id: string;
    deliverable_id: string;
    kind: ResourceKind;
    adapter: string;
    reference: string;
    summary: string;
    created_at: Timestamp;
  };
  board_cards: {
    project_id: string;
    deliverable_id: string;
    task_id: string;
    position: number;
    title: string;
    board_column: string;
    moved_at: Timestamp;
  };
  memory_snapshots: {
    id: Generated<string>;
    project_id: string;
    tenant: string;
    key: string;
    content: Json<Record<string, unknown>>;
    created_at: Timestamp;
  };
  artifacts: {
    project_id: string;
    kind: string;
    subject: string;
    digest: string;
    size: number;
    media_type: string;
    created_at: Timestamp;
  };
  /** Every content that a plan may name, by its digest. Rows never change but for `shipped`. */
  capsule_contents: {
    digest: string;
    capsule_id: string;
    version: string;
    /** Canonical JSON of a CapsuleContent, whose SHA-256 is the digest. */
    content: string;
    /** Whether it came with the product at some time. */
    shipped: boolean;
    kept_at: Timestamp;
  };
  /** Published versions; rows never change. */
  capsules: {
    id: string;
    version: string;
    digest: string;
    published_by: string;
    published_at: Timestamp;
  };
  /** The newest sequence of a tenant and capsule is in force. */
  installations: {
    id: Generated<string>;
    tenant: string;
    capsule_id: string;
    /** From 1, by tenant and capsule. */
    sequence: number;
    version: string;
    digest: string;
    /** Sequence of the installation that a rollback went back to. */
    restores: number | null;
    installed_by: string;
    installed_at: Timestamp;
  };
  templates: {
    id: Generated<string>;
    tenant: string;
    name: string;
    output: Json<PlannerOutput>;
    digest: string;
    imported_by: string;
    imported_at: Timestamp;
  };
  idempotency_keys: {
    principal: string;
    key: string;
    request_digest: string;
    response: Json<object>;
    created_at: Timestamp;
  };
}
