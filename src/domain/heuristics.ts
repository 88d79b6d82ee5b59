import { z } from "zod";
import { Id } from "./ids.ts";
import { TASK_TYPES } from "./plan.ts";

const seconds = z.number().nonnegative().max(3_600);

/** What `kamachiq_project_planner` steers in a plan; its YAML holds the numbers and why. */
export const PlannerHeuristics = z.strictObject({
  deliverables_max: z.int().min(1).max(1_000),
  /** Deliverables wait for each other only where one needs what another delivers. */
  prefer_parallel: z.boolean(),
  /** A task's estimate is its measured size times this. */
  token_safety_factor: z.number().min(1).max(10),
  /** The budget must cover the estimates this many times: room for an attempt's margin and for remediation. */
  budget_factor: z.number().min(1).max(10),
  /** Persona of a task whose capsule names none. */
  personas: z.strictObject({ code: Id, design: Id, review: Id, test: Id, docs: Id, capsule: Id }),
  /** Tokens and seconds of an attempt at a task that comes from elsewhere, by type: a guess until such tasks have run. */
  imported: z.record(z.enum(TASK_TYPES), z.strictObject({ tokens: z.int().positive().max(10_000_000), seconds })),
  /** What planning with a model may take. */
  model: z.strictObject({
    /** Answers that it may give: the first and its repairs. */
    rounds_max: z.int().min(1).max(3),
    /** In all, with every round. */
    seconds_max: z.number().positive().max(30),
    /** Share of the budget that planning may use; what it leaves goes to the deliverables. */
    reserve_share: z.number().positive().max(0.5),
    /** Of one answer. */
    output_tokens_max: z.int().min(256).max(100_000),
    /** Of the capsules, as the model gets them. */
    catalogue_tokens_max: z.int().min(500).max(1_000_000),
    /** Share of planning's tokens and seconds that a model may take to shorten long attachments. */
    summary_share: z.number().positive().max(0.9),
    /** Of all attachments together, as the model gets them. */
    attachment_tokens_max: z.int().min(100).max(1_000_000),
  }),
  /** Estimated seconds of an attempt: the base, then each of its checks; a probe is any check not named. */
  seconds: z.strictObject({ base: seconds, probe: seconds, checks: z.record(Id, seconds) }),
});
export type PlannerHeuristics = z.infer<typeof PlannerHeuristics>;
