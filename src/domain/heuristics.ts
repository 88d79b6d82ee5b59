import { z } from "zod";
import { Id } from "./ids.ts";
import { TASK_TYPES } from "./plan.ts";
import { Quantiles, type Runtime } from "./task-estimate.ts";

const seconds = z.number().nonnegative().max(3_600);

/** What `kamachiq_project_planner` steers in a plan; its YAML holds the numbers and why. */
export const PlannerHeuristics = z.strictObject({
  deliverables_max: z.int().min(1).max(1_000),
  /** Deliverables wait for each other only where one needs what another delivers. */
  prefer_parallel: z.boolean(),
  /** What is reserved for a task is never less than its measured size times this. */
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
  /** Tokens of an attempt before any was measured, as multiples of the task's size: of the deterministic agents, and of any other. */
  tokens: z.strictObject({ agents: z.record(Id, Quantiles), otherwise: Quantiles }),
  /** Estimated seconds of an attempt: the base, then each of its checks; a probe is any check not named. */
  seconds: z.strictObject({
    base: seconds,
    probe: seconds,
    checks: z.record(Id, seconds),
    /** How far from that it may be before any was measured, as multiples of it. */
    spread: z.strictObject({ low: z.number().min(0).max(1), high: z.number().min(1).max(100) }),
  }),
});
export type PlannerHeuristics = z.infer<typeof PlannerHeuristics>;

/** What an attempt with these checks takes before any was measured, in seconds. */
export function checkSeconds(checks: readonly string[], heuristics: Pick<PlannerHeuristics, "seconds">): number {
  const { base, probe, checks: known } = heuristics.seconds;
  return checks.reduce((sum, check) => sum + (own(known, check) ?? probe), base);
}

/** What an attempt takes in tokens before any was measured, as multiples of the task's size. */
export function tokenPrior(agent: string, { tokens }: Pick<PlannerHeuristics, "tokens">): Quantiles {
  return own(tokens.agents, agent) ?? tokens.otherwise;
}

/** An agent for which the heuristics name no multiple has a model. */
export function runtimeOf(agent: string, { tokens }: Pick<PlannerHeuristics, "tokens">): Runtime {
  return own(tokens.agents, agent) === undefined ? "model" : "deterministic";
}

/** A check or an agent may be called `constructor`. */
function own<T>(record: Record<string, T>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
