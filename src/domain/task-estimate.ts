import { z } from "zod";
import { Id } from "./ids.ts";

/** Of whatever can't be known exactly: one in ten is below `low`, half are below `likely`, nine in ten below `high`. */
export const Quantiles = z
  .strictObject({ low: z.number().nonnegative(), likely: z.number().nonnegative(), high: z.number().nonnegative() })
  .refine(({ low, likely, high }) => low <= likely && likely <= high, { error: "must rise from low to high" });
export type Quantiles = z.infer<typeof Quantiles>;

/** Past tasks that an estimate rests on, each level inside the one before it: all of the type, those of the same persona, … */
export const ESTIMATE_LEVELS = ["type", "persona", "capsule", "task"] as const;

/** `deterministic`: what the agent writes is known when it is planned; `model`: nothing is, until it has run. */
export const RUNTIMES = ["deterministic", "model"] as const;
export type Runtime = (typeof RUNTIMES)[number];

/** Of one attempt of a task. */
export const TaskEstimate = z.strictObject({
  /** The agent that it holds for. */
  agent: Id,
  runtime: z.enum(RUNTIMES),
  /** Whole tokens. */
  tokens: Quantiles,
  /** Of the agent and of grading its work. */
  seconds: Quantiles,
  /** `prior`: nothing like it was measured here yet. */
  basis: z.enum(["prior", "history"]),
  /** Past tasks at `level`, the narrowest that has any. */
  samples: z.int().nonnegative(),
  level: z.enum(ESTIMATE_LEVELS).optional(),
});
export type TaskEstimate = z.infer<typeof TaskEstimate>;
