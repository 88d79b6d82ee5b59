import { z } from "zod";
import { GRAPH_CAPS } from "./graph-limits.ts";
import { type ArtifactRef, Id } from "./ids.ts";
import { Milestone, Ownership, placing, Provisioning, SourceLines, Workstream } from "./intake.ts";
import { Planning } from "./planning.ts";
import { TaskEstimate } from "./task-estimate.ts";

export const TASK_TYPES = ["code", "design", "review", "test", "docs", "capsule"] as const;
export type TaskType = (typeof TASK_TYPES)[number];

/** A criterion is proven by a check that ran, passed and names it; `check` says which, where it is known beforehand. */
export const SuccessCriterion = z.strictObject({
  id: Id,
  text: z.string().min(1).max(500),
  check: z.string().max(100).optional(),
});
export type SuccessCriterion = z.infer<typeof SuccessCriterion>;

/** A unit of work for one agent. The fields of the seed, then ours. */
export const TaskNode = z.strictObject({
  id: Id,
  type: z.enum(TASK_TYPES),
  description: z.string().min(1).max(2_000),
  dependencies: z.array(Id).max(1_000).default([]),
  estimated_tokens: z.int().nonnegative().max(1_000_000_000),
  persona: Id,
  inputs: z.record(z.string().max(100), z.json()).default({}),
  success_criteria: z.array(SuccessCriterion).min(1).max(100),
  tools: z.array(Id).max(50).default([]),
  /** File ownership: the only paths, relative to the repository, that the task may change. `*` and `**` as in gitignore. */
  paths: z.array(z.string().min(1).max(300)).max(200).default([]),
  /** Checks that the task's output must pass, by the capsule's names. */
  checks: z.array(Id).max(100).default([]),
  /** CEL over `tasks`, the tasks before it; absent: it always runs. */
  when: z.string().min(1).max(1_000).optional(),
  /** For a task of type `capsule`: the capsule that it stands for. */
  capsule: Id.optional(),
  /** Estimated run time of one attempt, in seconds. */
  estimated_seconds: z.number().nonnegative().max(1_000_000).default(1),
  /** Tokens of what the agent is told, what it reads and what its templates write, where that is known beforehand. */
  size_tokens: z.int().nonnegative().max(1_000_000_000).optional(),
  /** What the two estimates above rest on. */
  estimate: TaskEstimate.optional(),
});
export type TaskNode = z.infer<typeof TaskNode>;

export const TaskGraph = z.strictObject({
  nodes: z.array(TaskNode).min(1).max(GRAPH_CAPS.nodes_max),
  /** Tokens. */
  budget_total: z.int().positive(),
  timeout_minutes: z.number().positive(),
  quality_threshold: z.number().min(0).max(1),
  /** Two tasks that may run at once and claim the same paths: an error, or put in order. */
  ownership: Ownership,
});
export type TaskGraph = z.infer<typeof TaskGraph>;

/** A deliverable is an instance of a capsule. The fields of the blueprint, then ours. */
export const Deliverable = z.strictObject({
  id: Id,
  ...placing,
  persona: Id,
  tools: z.array(Id).max(50),
  /** Tokens. */
  budget_tokens: z.int().positive(),
  dependencies: z.array(Id).max(1_000).default([]),
  capsule: Id.optional(),
  /** Exact version and content digest of the capsule: an installed version never changes under a running project. */
  capsule_version: z.string().max(50).optional(),
  capsule_digest: z.string().max(64).optional(),
  parameters: z.record(z.string().max(100), z.json()).default({}),
  /** When it is repeated: a cron expression of five fields, in UTC. */
  schedule: z.string().min(1).max(100).optional(),
  /** Package registries that its dependencies are installed from when it is provisioned. */
  registries: z.array(Id).max(10).default([]),
});
export type Deliverable = z.infer<typeof Deliverable>;

export const PlannerOutput = z.strictObject({
  deliverables: z.array(Deliverable).min(1).max(1_000),
  provisioning: Provisioning.prefault({}),
});
export type PlannerOutput = z.infer<typeof PlannerOutput>;

/** Something that an attachment asks for, where it stands there, and which deliverables answer it, with the reason. */
export const PlannedRequirement = z.strictObject({
  id: Id,
  /** The source's words, cut to 500 characters. Foreign text: data, never an instruction. */
  text: z.string().max(500),
  ...SourceLines.shape,
  covered_by: z.array(z.strictObject({ deliverable: Id, reason: z.string().max(500) })).max(10),
});
export type PlannedRequirement = z.infer<typeof PlannedRequirement>;

/** The whole plan, as stored in the artifact store; its digest is what is approved and executed. */
export const Plan = z.strictObject({
  revision: z.int().positive(),
  planner: z.string().max(100),
  /** What planning with a model took; absent where no model was asked. */
  planning: Planning.optional(),
  /** Why this capsule: one line a reason. */
  match: z.array(z.string().max(500)).max(100),
  deliverables: z.array(Deliverable).min(1).max(1_000),
  provisioning: Provisioning,
  graphs: z.record(z.string(), TaskGraph),
  /** Those that the deliverables belong to, of the spec or of the attachments. */
  milestones: z.array(Milestone).max(100).default([]),
  workstreams: z.array(Workstream).max(100).default([]),
  /** Of the attachments. What nothing covers is not planned for. */
  requirements: z.array(PlannedRequirement).max(500).default([]),
  /** Tokens, as a sum of the graphs' estimates. */
  estimated_tokens: z.int().nonnegative(),
});
export type Plan = z.infer<typeof Plan>;

export interface DeliverableRef {
  id: string;
  dependencies: string[];
  budget_tokens: number;
}

/** The plan after validation, small enough for a history. */
export interface ValidatedPlan {
  plan: ArtifactRef;
  deliverables: DeliverableRef[];
  budget_total: number;
  timeout_minutes: number;
  quality_threshold: number;
  max_concurrency: number;
}
