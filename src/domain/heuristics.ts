import { z } from "zod";
import { Id } from "./ids.ts";

const seconds = z.number().nonnegative().max(3_600);

/** What `kamachiq_project_planner` steers in a plan; its YAML holds the numbers and why. */
export const PlannerHeuristics = z.strictObject({
  deliverables_max: z.int().min(1).max(1_000),
  /** A task's estimate is its measured size times this. */
  token_safety_factor: z.number().min(1).max(10),
  /** The budget must cover the estimates this many times: room for an attempt's margin and for remediation. */
  budget_factor: z.number().min(1).max(10),
  /** Persona of a task whose capsule names none. */
  personas: z.strictObject({ code: Id, design: Id, review: Id, test: Id, docs: Id, capsule: Id }),
  /** Estimated seconds of an attempt: the base, then each of its checks; a probe is any check not named. */
  seconds: z.strictObject({ base: seconds, probe: seconds, checks: z.record(Id, seconds) }),
});
export type PlannerHeuristics = z.infer<typeof PlannerHeuristics>;
